//! Words of the documents' pages.

pub const TITLE: &str = "Documentation";
pub const FACT: &str = "How AITBC works, for everybody who uses it, earns with it or checks it.";
pub const PARTS: &str = "On this page";
pub const DECISIONS: &str = "Decisions";
pub const DECISIONS_NOTE: &str = "What was decided, why, and what follows from it.";

/// Of a part of a document, by the document's title.
pub fn part_of(document: &str) -> String {
    format!("In “{document}”.")
}

/// For whom, what it is about, and the addresses of its documents below `/docs/`, or of parts of them.
pub struct Guide {
    pub reader: &'static str,
    pub about: &'static str,
    pub documents: &'static [&'static str],
}

pub const GUIDES: [Guide; 8] = [
    Guide {
        reader: "For buyers",
        about: "Draw a picture, write a text, and pay for it where you want more than a visitor gets.",
        documents: &["using", "extension", "payments", "protocol/escrow"],
    },
    Guide {
        reader: "For miners",
        about: "Serve models on your own machine and be paid for it.",
        documents: &["mining", "engines", "protocol/hardware", "protocol/worker"],
    },
    Guide {
        reader: "For auditors",
        about: "Compute again what is claimed.",
        documents: &["audits", "economics", "protocol/receipt", "protocol/failure", "protocol/log", "growth"],
    },
    Guide {
        reader: "For traders",
        about: "How orders meet, and what only your signature can move.",
        documents: &["exchange"],
    },
    Guide {
        reader: "For operators",
        about: "Start a chain of several nodes, and know who can attack a server, what stops them and how fast it is.",
        documents: &["network", "security", "benchmarks"],
    },
    Guide {
        reader: "For validators",
        about: "Decide blocks with others: keys and machines, stake and what it earns, and what costs it.",
        documents: &[
            "network#validators-on-several-machines",
            "network#stake-and-validators-that-come-and-go",
            "network#blocks-without-transactions",
        ],
    },
    Guide {
        reader: "For developers",
        about: "Let programs do what pages do.",
        documents: &["api", "reference", "wallet"],
    },
    Guide { reader: "For everybody", about: "The words that all documents use.", documents: &["glossary"] },
];
