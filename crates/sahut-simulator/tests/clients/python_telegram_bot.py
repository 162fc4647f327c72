"""Talks to the simulator as any bot would. Arguments: address, token, address of the world's verbs, bot's number."""

import asyncio
import json
import sys
import urllib.request

from telegram import Bot, ReplyParameters
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter

url, token, bot_id = sys.argv[1:]


def do(**deed):
    request = urllib.request.Request(
        url + "/_sim/do", json.dumps(deed).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def citizen_writes(text, handle="warga_0001"):
    return do(do="telegram", bot=bot_id, handle=handle, text=text)


async def raises(kind, call):
    try:
        await call
    except kind as error:
        return error
    raise SystemExit(f"expected {kind.__name__}")


async def main():
    async with Bot(token, base_url=url + "/bot") as bot:
        assert bot.username == "lapor_bot" and str(bot.id) == bot_id

        written = [citizen_writes(text) for text in ("Satu", "Dua", "Tiga 🙏")]
        updates = await bot.get_updates()
        assert [update.message.text for update in updates] == ["Satu", "Dua", "Tiga 🙏"]
        assert [f"{u.message.chat.id}:{u.message.message_id}" for u in updates] == written
        again = await bot.get_updates(offset=updates[1].update_id, limit=1)
        assert [update.update_id for update in again] == [updates[1].update_id]
        assert await bot.get_updates(offset=updates[-1].update_id + 1) == ()
        assert await bot.get_updates() == ()

        chat, message = updates[0].message.chat.id, updates[0].message.message_id
        sent = await bot.send_message(chat, "Baik", reply_parameters=ReplyParameters(message))
        assert sent.reply_to_message.text == "Satu" and sent.from_user.is_bot
        edited = await bot.edit_message_text("Baik.", chat, sent.message_id)
        assert edited.text == "Baik." and edited.edit_date is not None
        assert (await bot.get_chat(chat)).username == "warga_0001"
        await raises(BadRequest, bot.send_message(chat, "x", reply_parameters=ReplyParameters(9999)))

        album = do(do="telegram_album", bot=bot_id, handle="warga_0001", text="Foto", pictures=2)
        pictures = await bot.get_updates()
        assert len(album) == 2 and pictures[0].message.caption == "Foto"
        assert pictures[0].message.media_group_id == pictures[1].message.media_group_id
        await bot.get_updates(offset=-1)

        do(do="next_call", part="endMessage", mood="rate_limit")
        limited = await raises(RetryAfter, bot.send_message(chat, "Terlalu cepat"))
        assert int(limited._retry_after.total_seconds()) >= 1
        do(do="block", account=bot_id, handle="warga_0001", blocked=True)
        await raises(Forbidden, bot.send_message(chat, "Halo"))

        offset = pictures[-1].update_id + 1
        waiting = asyncio.create_task(raises(Conflict, bot.get_updates(offset=offset, timeout=20)))
        await asyncio.sleep(0.3)
        async with Bot(token, base_url=url + "/bot") as second:
            await second.get_updates(offset=offset)
        await waiting

        await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="rahasia")
        assert (await bot.get_webhook_info()).url == "http://127.0.0.1:9/hook"
        await raises(Conflict, bot.get_updates())
        assert await bot.delete_webhook()

        do(do="kill_token", token=token, subcode=0)
        await raises(InvalidToken, bot.get_me())


asyncio.run(main())
print("everything as python-telegram-bot expects it")
