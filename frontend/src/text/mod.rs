//! Every English text of the pages, by area, so that a translation replaces one folder.

pub mod common;
pub mod design;
pub mod explorer;
pub mod home;
pub mod job;
pub mod miner;
pub mod proof;
pub mod receipt;
pub mod wallet;
