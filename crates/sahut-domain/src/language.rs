//! The languages that Sahut speaks to people.

use crate::words::words;

words! {
    /// A language of screens, mails and explanations.
    Language as "language" {
        /// Bahasa Indonesia, the first language.
        Indonesian = "id",
        /// English.
        English = "en",
    }
}
