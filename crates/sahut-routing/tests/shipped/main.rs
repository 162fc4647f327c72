//! What the project ships in `config/`, held to what a regency expects of it.

#![cfg(test)]

mod citizens;
mod corpus;
mod dev_sets;
mod incidents;
mod regency;
mod rules;
