//! A platform that answers whatever it is asked with one page of comments.

use sahut_testing::Canned;

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
    server: Canned,
    page: usize,
    written: usize,
}

impl Platform {
    /// Starts answering; nothing is shown yet.
    pub(crate) fn start(page: usize) -> Outcome<Self> {
        Ok(Self { server: Canned::start(r#"{"data":[]}"#)?, page, written: 0 })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Shows another page, of comments that nobody has seen.
    pub(crate) fn turn(&mut self) {
        let comments: Vec<String> = (self.written..self.written + self.page).map(comment).collect();
        self.written += self.page;
        self.server.show(&format!(r#"{{"data":[{}]}}"#, comments.join(",")));
    }
}

fn comment(number: usize) -> String {
    let text = TEXTS.get(number % TEXTS.len()).unwrap_or(&"");
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    format!(
        r#"{{"id":"77_{number}","message":"{text}. Terima kasih ({number})","from":{{"id":"55{number}","name":"Warga {number}"}},"created_time":"2026-11-23T{hour:02}:{minute:02}:{second:02}+0000","permalink_url":"https://www.facebook.com/{PAGE_ID}/posts/77?comment_id={number}","is_hidden":false}}"#
    )
}
