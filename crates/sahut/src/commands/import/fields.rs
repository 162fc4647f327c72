//! What a record can tell, and which column tells it.

/// A thing that a record can tell about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Text,
    Subject,
    WrittenAt,
    Author,
    Thread,
    Permalink,
    Office,
}

/// Each field with the name that `--map` calls it by, and the headers that are taken for it unasked, the most telling
/// first. An office is never taken unasked: a column of that name holds whatever somebody typed.
const FIELDS: [(Field, &str, &[&str]); 8] = [
    (Field::Id, "id", &["id", "nomor", "nomor_laporan", "tracking_id"]),
    (Field::Text, "text", &["text", "isi", "isi_laporan", "pesan", "laporan"]),
    (Field::Subject, "subject", &["subject", "title", "judul", "subjek"]),
    (Field::WrittenAt, "written_at", &["written_at", "tanggal", "waktu", "date"]),
    (Field::Author, "author", &["author", "nama", "nama_akun", "akun", "name"]),
    (Field::Thread, "thread", &["thread"]),
    (Field::Permalink, "permalink", &["permalink"]),
    (Field::Office, "office", &[]),
];

/// A `--map` entry: the field, and the column that tells it.
pub(super) type Wish = (Field, String);

/// Reads `field=column`.
pub(super) fn wish(text: &str) -> Result<Wish, String> {
    let (name, column) = text.split_once('=').ok_or("write field=column")?;
    let known = FIELDS.iter().find(|(_, known, _)| *known == name.trim());
    let (field, ..) = known.ok_or_else(|| {
        let names: Vec<&str> = FIELDS.iter().map(|(_, name, _)| *name).collect();
        format!("there is no field {name:?}: the fields are {}", names.join(", "))
    })?;
    Ok((*field, column.trim().to_owned()))
}

/// Which column tells which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping([Option<usize>; FIELDS.len()]);

impl Mapping {
    /// Chooses among the columns there are: what was wished, else what has a usual name. The error says what is missing
    /// and lists the columns.
    pub(super) fn choose(columns: &[String], wishes: &[Wish]) -> Result<Self, String> {
        let mut chosen = [None; FIELDS.len()];
        for (place, (field, _, usual)) in chosen.iter_mut().zip(FIELDS) {
            *place = match wishes.iter().rfind(|(wished, _)| *wished == field) {
                Some((_, column)) => {
                    Some(columns.iter().position(|there| there == column).ok_or_else(|| {
                        format!("there is no column {column:?}; there are: {}", columns.join(", "))
                    })?)
                }
                None => {
                    usual.iter().find_map(|name| columns.iter().position(|column| plain(column) == *name))
                }
            };
        }
        let mapping = Self(chosen);
        if mapping.of(Field::Text).is_none() {
            let there = columns.join(", ");
            return Err(format!(
                "no column is known to hold the text: name it with --map text=COLUMN; there are: {there}"
            ));
        }
        Ok(mapping)
    }

    /// The column that tells a field.
    pub(super) fn of(&self, field: Field) -> Option<usize> {
        let at = FIELDS.iter().position(|(known, ..)| *known == field)?;
        self.0.get(at).copied().flatten()
    }
}

/// A header as it is compared: `Isi Laporan` is `isi_laporan`.
fn plain(header: &str) -> String {
    header.trim().to_lowercase().replace([' ', '-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn usual_headers_are_understood_and_labels_are_not() {
        let there = columns(&["Nomor", "label", "TANGGAL", "nama-akun", "Judul", "Isi Laporan", "office"]);
        let mapping = Mapping::choose(&there, &[]).unwrap();
        let of = |field| mapping.of(field);
        assert_eq!([of(Field::Id), of(Field::WrittenAt), of(Field::Author)], [Some(0), Some(2), Some(3)]);
        assert_eq!([of(Field::Subject), of(Field::Text), of(Field::Office)], [Some(4), Some(5), None]);
    }

    #[test]
    fn a_wish_comes_before_what_is_usual() {
        let there = columns(&["text", "keluhan", "opd"]);
        let mapping =
            Mapping::choose(&there, &[wish("text=keluhan").unwrap(), wish("office = opd").unwrap()]).unwrap();
        assert_eq!((mapping.of(Field::Text), mapping.of(Field::Office)), (Some(1), Some(2)));
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let there = columns(&["a", "b"]);
        for wishes in [vec![], vec![wish("text=c").unwrap()]] {
            let error = Mapping::choose(&there, &wishes).unwrap_err();
            assert!(error.ends_with("there are: a, b"), "{error}");
        }
        assert!(wish("label=x").unwrap_err().contains("written_at"));
        assert!(wish("text").is_err());
    }
}
