//! A thousand notices into a server on this machine: ours against lettre's own pooled transport.
//!
//! Tells mails a second as well, which is what a person waits for.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use sahut_domain::Timestamp;
use sahut_mail::{AutoSubmitted, Mail, Mailbox, Server, Smtp, SmtpSettings, Tls};
use sahut_testing::measure::{Line, OTHER_SIDE, Target, cpu, median};
use tokio::runtime::Builder;

const MAILS: usize = 1000;

/// Connections that share the mails, as many as a busy installation is given.
const CONNECTIONS: usize = 16;

/// Rounds in which the two take turns.
const ROUNDS: usize = 5;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let port = serve();
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limit.extend(measure("lettre", |runtime| runtime.block_on(by_lettre(port, CONNECTIONS))));
        ours.extend(measure("sahut-mail", |runtime| runtime.block_on(by_sahut(port, CONNECTIONS))));
    }
    let (ours, limit) = (median(ours), Some(median(limit)));
    Line { name: "mail", ours, limit, unit: "us CPU a mail", target: Target::Times(2.0) }.print();
}

/// Processor time of one mail, in microseconds.
fn measure(name: &str, work: impl FnOnce(&tokio::runtime::Runtime)) -> Option<f64> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let (before, begun) = (cpu(), Instant::now());
    work(&runtime);
    let (used, seconds) = (cpu().saturating_sub(before), begun.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a thousand is exact")]
    let mails = MAILS as f64;
    let each = used.as_secs_f64() * 1e6 / mails;
    eprintln!("{name:<11} {:>8.0} mails/s, {each:>5.0} us CPU a mail", mails / seconds);
    Some(each)
}

async fn by_lettre(port: u16, connections: usize) {
    let pool = PoolConfig::new().max_size(u32::try_from(connections).unwrap_or(1));
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1");
    let transport = builder.port(port).pool_config(pool).build();
    let one = async |sender: usize| {
        for number in (sender..MAILS).step_by(connections) {
            let bytes = mail(number).compose(Timestamp::UNIX_EPOCH).unwrap_or_default();
            let envelope = Message::builder()
                .from("sahut@contoh.go.id".parse()?)
                .to("dinkes@contoh.go.id".parse()?)
                .body(String::new())?;
            transport.send_raw(envelope.envelope(), &bytes).await?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    report(futures_util::future::join_all((0..connections).map(one)).await);
}

async fn by_sahut(port: u16, connections: usize) {
    let server = Server { host: "127.0.0.1".to_owned(), port, tls: Tls::None, ca_file: None };
    let settings = SmtpSettings { max_connections: connections, ..SmtpSettings::new(server, None) };
    let Ok(smtp) = Smtp::new(settings) else { return };
    let one = async |sender: usize| {
        for number in (sender..MAILS).step_by(connections) {
            smtp.send(&mail(number), Timestamp::UNIX_EPOCH).await?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    report(futures_util::future::join_all((0..connections).map(one)).await);
}

fn report(ended: Vec<Result<(), Box<dyn std::error::Error>>>) {
    for error in ended.into_iter().filter_map(Result::err) {
        println!("failed: {error}");
    }
}

fn mail(number: usize) -> Mail {
    let address = |text| Mailbox::new(Some("Sahut"), text);
    let (Ok(from), Ok(to)) = (address("sahut@contoh.go.id"), address("dinkes@contoh.go.id")) else {
        unreachable!("both addresses are plain")
    };
    Mail {
        from,
        return_to: None,
        to,
        reply_to: None,
        subject: format!("[K-2026-{number:05}] Jalan rusak di Pasar Baru (Dinas PUPR)"),
        message_id: format!("<sahut.uji.n{number}@contoh.go.id>"),
        in_reply_to: None,
        references: vec!["<sahut.uji.i1@contoh.go.id>".to_owned()],
        auto_submitted: AutoSubmitted::Generated,
        plain: "Jalan berlubang di depan pasar, sudah dua kali ada yang jatuh.\n".repeat(10),
        html: Some("<p>Jalan berlubang di depan pasar, sudah dua kali ada yang jatuh.</p>\n".repeat(10)),
        headers: vec![("X-Sahut-Instance".to_owned(), "uji".to_owned())],
    }
}

/// A server that says yes to everything, as fast as it can.
fn serve() -> u16 {
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return 0 };
    let port = listener.local_addr().map_or(0, |address| address.port());
    other_side(move || {
        for stream in listener.incoming().flatten() {
            other_side(move || {
                let mut lines = BufReader::new(stream);
                let _ = lines.get_mut().write_all(b"220 sink\r\n");
                let (mut line, mut text) = (String::new(), false);
                while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                    let answer = match (text, line.get(..4)) {
                        (true, _) if line == ".\r\n" => "250 queued\r\n",
                        (true, _) => "",
                        (false, Some("DATA")) => "354 go on\r\n",
                        (false, Some("QUIT")) => break,
                        (false, _) => "250 fine\r\n",
                    };
                    text = if text { line != ".\r\n" } else { line.starts_with("DATA") };
                    let _ = lines.get_mut().write_all(answer.as_bytes());
                    line.clear();
                }
            });
        }
    });
    port
}

/// A thread that is not measured.
fn other_side(work: impl FnOnce() + Send + 'static) {
    let spawned = thread::Builder::new().name(OTHER_SIDE.to_owned()).spawn(work);
    if let Err(error) = spawned {
        eprintln!("no thread for the server: {error}");
    }
}
