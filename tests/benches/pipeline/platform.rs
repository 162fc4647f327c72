//! A platform that answers whatever it is asked with one page of comments, from a thread that is not measured.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sahut_testing::measure::OTHER_SIDE;

use crate::Outcome;

/// What citizens write: each has something to do for somebody.
const TEXTS: &[&str] = &[
    "Jalan di depan pasar rusak parah, sudah dua kali ada yang jatuh dari motor, tolong segera diperbaiki",
    "Lampu jalan di simpang empat mati sudah seminggu, gelap sekali kalau malam",
    "Sampah di belakang pasar menumpuk dan tidak diangkut, baunya sampai ke rumah warga",
    "KTP saya sudah tiga bulan belum jadi, katanya blangko kosong terus. Kapan bisa diambil?",
    "Air PDAM di tempat kami tidak mengalir sejak kemarin pagi, mohon penjelasannya",
    "Puskesmas jam sembilan belum buka padahal sudah banyak pasien yang antre",
    "Guru di SD kami sering tidak masuk, anak-anak pulang lebih cepat terus",
    "Bagaimana cara mengurus surat pindah domisili, apa saja syaratnya pak?",
    "Jembatan gantung di desa kami papannya lapuk, berbahaya untuk anak sekolah",
    "Bantuan sosial bulan ini belum cair, nama saya ada di daftar tapi uangnya belum masuk",
    "Harga pupuk naik dan susah dicari, petani di sini kesulitan menjelang musim tanam",
    "Pohon di pinggir jalan sudah miring, takut tumbang menimpa kabel listrik dan kendaraan",
];

/// The page that the comments stand on.
pub(crate) const PAGE_ID: &str = "1234567890";

/// The post that they stand under.
pub(crate) const POST_ID: &str = "1234567890_77";

/// The platform.
pub(crate) struct Platform {
    port: u16,
    page: usize,
    written: usize,
    shown: Arc<Mutex<Arc<Vec<u8>>>>,
}

impl Platform {
    /// Starts answering; nothing is shown yet.
    pub(crate) fn start(page: usize) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shown: Arc<Mutex<Arc<Vec<u8>>>> = Arc::default();
        let showing = Arc::clone(&shown);
        thread::Builder::new().name(OTHER_SIDE.to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let showing = Arc::clone(&showing);
                let answering = thread::Builder::new().name(OTHER_SIDE.to_owned());
                let _ = answering.spawn(move || answer(stream, &showing));
            }
        })?;
        Ok(Self { port, page, written: 0, shown })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Shows another page, of comments that nobody has seen.
    pub(crate) fn turn(&mut self) {
        let comments: Vec<String> = (self.written..self.written + self.page).map(comment).collect();
        self.written += self.page;
        let body = format!("{{\"data\":[{}]}}", comments.join(","));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new((head + &body).into_bytes());
    }
}

fn comment(number: usize) -> String {
    let text = TEXTS.get(number % TEXTS.len()).unwrap_or(&"");
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    format!(
        r#"{{"id":"77_{number}","message":"{text}. Terima kasih ({number})","from":{{"id":"55{number}","name":"Warga {number}"}},"created_time":"2026-11-23T{hour:02}:{minute:02}:{second:02}+0000","permalink_url":"https://www.facebook.com/{PAGE_ID}/posts/77?comment_id={number}","is_hidden":false}}"#
    )
}

/// Answers requests on one connection until the other side is gone.
fn answer(stream: TcpStream, showing: &Mutex<Arc<Vec<u8>>>) {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
        if line == "\r\n" {
            let page = Arc::clone(&showing.lock().unwrap_or_else(PoisonError::into_inner));
            let _ = lines.get_mut().write_all(&page);
        }
        line.clear();
    }
}
