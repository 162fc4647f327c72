"""A real SMTP server that keeps every mail it accepts, and has moods.

The folder FOLDER holds what it shares with the test:

  moods           one mood a line: stage TAB act TAB match TAB times (see Moods)
  mails/N.eml     the accepted mail, byte for byte
  mails/N.txt     its envelope: from, to (by commas), login, "tls" or "clear", "acknowledged" or "dropped"; by TABs
"""

import argparse
import asyncio
import os
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Moods:
    """What the server does instead of what it should.

    A mood strikes at its stage (connect, ehlo, auth, mail, rcpt, data, body: before the mail is kept, kept: after it)
    when the stage's argument contains `match`, as often as `times` says; 0 is for ever. Its act is `hang`, `drop`,
    `trickle` (a byte a second from now on), or the reply to give.
    """

    def __init__(self, file):
        self.file = file
        self.version = None
        self.moods = []

    def strike(self, stage, argument=""):
        self._read()
        for mood in self.moods:
            if mood["stage"] == stage and mood["match"] in argument and mood["left"] != 0:
                mood["left"] -= 1
                return mood["act"]
        return None

    def _read(self):
        state = os.stat(self.file)
        version = (state.st_ino, state.st_mtime_ns)
        if version == self.version:
            return
        self.version = version
        self.moods = []
        for line in self.file.read_text().splitlines():
            stage, act, match, times = line.split("\t")
            self.moods.append({"stage": stage, "act": act, "match": match, "left": int(times) or -1})


class Keeper:
    """Keeps accepted mails. The envelope is written last, so that a mail with one is whole."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        while self._path("txt").exists():
            self.count += 1

    async def handle_DATA(self, server, session, envelope):
        """aiosmtpd calls this after the final dot."""
        return await server.take_in(session, envelope)

    def keep(self, session, envelope, acknowledged):
        self._path("eml").write_bytes(envelope.original_content)
        login = session.auth_data.login.decode() if session.auth_data else ""
        fields = [
            envelope.mail_from,
            ",".join(envelope.rcpt_tos),
            login,
            "tls" if session.ssl else "clear",
            "acknowledged" if acknowledged else "dropped",
        ]
        unfinished = self._path("tmp")
        unfinished.write_text("\t".join(fields))
        unfinished.rename(self._path("txt"))
        self.count += 1

    def _path(self, kind):
        return self.folder / f"{self.count:06}.{kind}"


class MoodySMTP(SMTP):
    """aiosmtpd's server, asking its mood before every step."""

    def __init__(self, moods, keeper, **settings):
        super().__init__(keeper, **settings)
        self.moods = moods
        self.keeper = keeper
        self.trickling = False

    async def push(self, status):
        if not self.trickling:
            return await super().push(status)
        data = status.encode() if isinstance(status, str) else status
        for byte in data + b"\r\n":
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(1)

    async def _handle_client(self):
        if not await self._spoiled("connect", close=True):
            await super()._handle_client()

    async def smtp_EHLO(self, hostname):
        if not await self._spoiled("ehlo", hostname):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg):
        if not await self._spoiled("auth", arg):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):
        if not await self._spoiled("mail", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        if not await self._spoiled("rcpt", arg):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        if not await self._spoiled("data", arg):
            await super().smtp_DATA(arg)

    async def take_in(self, session, envelope):
        receivers = ",".join(envelope.rcpt_tos)
        refused = await self._act(self.moods.strike("body", receivers))
        if refused:
            return refused
        act = self.moods.strike("kept", receivers)
        self.keeper.keep(session, envelope, acknowledged=act in (None, "trickle"))
        return await self._act(act) or "250 2.0.0 kept"

    async def _spoiled(self, stage, argument="", close=False):
        """Whether a mood has answered in place of the server."""
        reply = await self._act(self.moods.strike(stage, argument or ""))
        if reply is None:
            return False
        await self.push(reply)
        if close or reply.startswith("421"):
            self.transport.close()
        return True

    async def _act(self, act):
        """Carries out an act; the reply to give, or None to go on as usual."""
        if act == "trickle":
            self.trickling = True
            return None
        if act == "hang":
            await asyncio.Event().wait()
        if act == "drop":
            self.transport.abort()
            raise ConnectionResetError
        return act


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--chain")
    parser.add_argument("--key")
    parser.add_argument("--login", help="NAME:PASSWORD that a client must give")
    return parser.parse_args()


def tls_context(options):
    if options.tls == "none":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.chain, options.key)
    return context


def authenticator(login):
    expected = tuple(part.encode() for part in login.split(":", 1))

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == expected, handled=False, auth_data=data)

    return check


async def serve(options):
    mails = options.folder / "mails"
    mails.mkdir(exist_ok=True)
    moods, keeper, context = Moods(options.folder / "moods"), Keeper(mails), tls_context(options)
    settings = {
        "hostname": "localhost",
        "ident": "sink",
        "enable_SMTPUTF8": True,
        "tls_context": context if options.tls == "starttls" else None,
        "auth_require_tls": options.tls == "starttls",
    }
    if options.login:
        settings |= {"auth_required": True, "authenticator": authenticator(options.login)}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: MoodySMTP(moods, keeper, loop=loop, **settings),
        "127.0.0.1",
        options.port,
        ssl=context if options.tls == "implicit" else None,
    )
    await server.serve_forever()


asyncio.run(serve(arguments()))
