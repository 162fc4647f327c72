//! Mail out by SMTP and in by IMAP: composing, sending, reading, quotes, bounces.
