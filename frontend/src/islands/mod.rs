//! The parts of pages that run in the browser. Everything else stays the server's HTML.

pub mod composer;
pub mod draft;
pub mod improver;
pub mod job_live;
pub mod job_watch;
pub mod live_parts;
pub mod own_jobs;
pub mod page_tools;
pub mod studio;
pub mod verify_receipt;
pub mod wallet;
