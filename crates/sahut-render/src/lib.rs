//! What people read: templates of mails, the message catalogue, dates and numbers.
