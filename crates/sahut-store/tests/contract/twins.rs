//! Both schemas, read back from the databases: tables, columns, keys, indexes, conditions and references are the same.

use std::collections::BTreeSet;

use crate::support::World;

/// Table, column, type, whether it may be absent, default, place in the primary key.
const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || c.name || ' '
        || CASE upper(c.type) WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea' ELSE lower(c.type) END
        || ' ' || c.\"notnull\" || ' ' || COALESCE(c.dflt_value, '-') || ' ' || c.pk
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name <> 'sequence'";
const POSTGRES_COLUMNS: &str = "SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || ' ' || CASE WHEN a.attnotnull THEN 1 ELSE 0 END || ' ' || COALESCE(pg_get_expr(d.adbin, d.adrelid), '-')
        || ' ' || COALESCE(array_position(p.conkey, a.attnum), 0)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace";

/// Table, name where it has one of its own, whether it is unique, columns, condition.
const SQLITE_INDEXES: &str = "SELECT m.name || ' ' || CASE i.origin WHEN 'c' THEN i.name ELSE '-' END || ' ' || i.\"unique\"
        || ' ' || (SELECT group_concat(x.name || CASE x.\"desc\" WHEN 1 THEN ' DESC' ELSE '' END, ',' ORDER BY x.seqno)
                   FROM pragma_index_xinfo(i.name) x WHERE x.key = 1)
        || ' ' || COALESCE((SELECT substr(s.sql, instr(s.sql, ' WHERE ') + 7) FROM sqlite_schema s
                            WHERE s.name = i.name AND instr(s.sql, ' WHERE ') > 0), '')
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i
    WHERE m.type = 'table' AND m.name <> 'sequence' AND i.origin <> 'pk'";
const POSTGRES_INDEXES: &str =
    "SELECT t.relname || ' ' || CASE WHEN k.oid IS NULL THEN c.relname ELSE '-' END || ' '
        || CASE WHEN i.indisunique THEN 1 ELSE 0 END || ' '
        || (SELECT string_agg(pg_get_indexdef(c.oid, n, true)
                || CASE WHEN i.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ',' ORDER BY n)
            FROM generate_series(1, i.indnkeyatts) n)
        || ' ' || COALESCE(pg_get_expr(i.indpred, i.indrelid), '')
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype = 'u'
    WHERE NOT i.indisprimary AND t.relnamespace = 'public'::regnamespace";

/// Table, columns, table pointed at, its columns.
const SQLITE_REFERENCES: &str =
    "SELECT m.name || ' ' || group_concat(f.\"from\", ',' ORDER BY f.seq) || ' ' || f.\"table\" || ' '
        || group_concat(f.\"to\", ',' ORDER BY f.seq) || ' ' || f.on_delete
    FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
    WHERE m.type = 'table' GROUP BY m.name, f.id";
const POSTGRES_REFERENCES: &str = "SELECT c.conrelid::regclass || ' '
        || (SELECT string_agg(a.attname, ',' ORDER BY n) FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) || ' ' || c.confrelid::regclass || ' '
        || (SELECT string_agg(a.attname, ',' ORDER BY n) FROM unnest(c.confkey) WITH ORDINALITY k (num, n)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num)
        || CASE c.confdeltype WHEN 'a' THEN ' NO ACTION' ELSE ' ?' END
    FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace";

/// How many references of a table are looked at only when the transaction ends.
const SQLITE_DEFERRED: &str = "SELECT name || ' ' || ((length(sql) - length(replace(sql, 'DEFERRABLE INITIALLY', '')))
        / length('DEFERRABLE INITIALLY')) FROM sqlite_schema WHERE type = 'table' AND instr(sql, 'DEFERRABLE') > 0";
const POSTGRES_DEFERRED: &str = "SELECT conrelid::regclass || ' ' || COUNT(*) FROM pg_constraint
    WHERE contype = 'f' AND condeferrable AND condeferred GROUP BY conrelid";

const SQLITE_TABLES: &str =
    "SELECT name || ' ' || sql FROM sqlite_schema WHERE type = 'table' AND name <> 'sequence'";
const POSTGRES_CHECKS: &str = "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace";

/// The parts of a CREATE TABLE that follow the word CHECK, each with its table.
fn checks(table_and_sql: &str) -> Vec<String> {
    let (table, sql) = table_and_sql.split_once(' ').unwrap();
    let parts = sql.split("CHECK (").skip(1);
    let inside = parts.map(|part| {
        let mut depth = 1;
        let end = part.find(|letter: char| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        format!("{table} {}", &part[..end.unwrap()])
    });
    inside.collect()
}

/// One spelling for what both mean: PostgreSQL writes lists as arrays, with casts and more parentheses.
fn normalised(text: &str) -> String {
    let mut text = text.to_lowercase().replace("= any", "in").replace("<> all", "not in");
    for cast in ["array", "check ", "::text", "::bigint", "(", ")", "[", "]", " ", "\n"] {
        text = text.replace(cast, "");
    }
    text
}

fn set(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    lines.into_iter().map(|line| normalised(&line)).collect()
}

fn assert_same(what: &str, sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>) {
    let apart: Vec<_> = sqlite.symmetric_difference(postgres).collect();
    assert!(apart.is_empty(), "{what} that only one has: {apart:#?}");
    assert!(!sqlite.is_empty(), "no {what} read");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_are_twins() {
    let Some(postgres) = World::postgres().await else { return };
    let (mut postgres, sqlite) = (postgres.raw().await, World::sqlite().await);
    let mut sqlite = sqlite.raw().await;
    for (what, of_sqlite, of_postgres) in [
        ("columns", SQLITE_COLUMNS, POSTGRES_COLUMNS),
        ("indexes", SQLITE_INDEXES, POSTGRES_INDEXES),
        ("references", SQLITE_REFERENCES, POSTGRES_REFERENCES),
        ("deferred references", SQLITE_DEFERRED, POSTGRES_DEFERRED),
    ] {
        assert_same(what, &set(sqlite.texts(of_sqlite).await), &set(postgres.texts(of_postgres).await));
    }
    let of_sqlite = sqlite.texts(SQLITE_TABLES).await.iter().flat_map(|sql| checks(sql)).collect::<Vec<_>>();
    assert_same("conditions", &set(of_sqlite), &set(postgres.texts(POSTGRES_CHECKS).await));
    let sequences = sqlite.texts("SELECT name FROM sequence").await;
    let of_postgres = postgres.texts("SELECT replace(sequencename, '_id', '') FROM pg_sequences").await;
    assert_same("sequences", &set(sequences), &set(of_postgres));
}
