//! The only SQL: SQLite and PostgreSQL behind one face.
