//! Which build of the compiler: number and commit. Two builds of one commit for two machines compile alike.

use std::fmt;
use std::str::FromStr;

use crate::VerifyError;

/// Characters of a version that is quoted in a refusal.
const QUOTED_MAX_CHARS: usize = 80;

/// `0.8.37+commit.f401782d`, without the machine that a build is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompilerVersion {
    number: String,
    commit: String,
}

impl CompilerVersion {
    /// What a compiler says of itself when it is started with `--version`.
    pub fn of_program(told: &str) -> Result<Self, VerifyError> {
        let line = told.lines().find_map(|line| line.trim().strip_prefix("Version:"));
        line.unwrap_or(told).parse()
    }
}

impl FromStr for CompilerVersion {
    type Err = VerifyError;

    /// Also with a leading `v`, and with the machine behind the commit.
    fn from_str(text: &str) -> Result<Self, VerifyError> {
        let wrong = || VerifyError::Version(text.chars().take(QUOTED_MAX_CHARS).collect());
        let (number, build) = text.trim().trim_start_matches('v').split_once("+commit.").ok_or_else(wrong)?;
        let commit = build.split('.').next().unwrap_or_default();
        let is_number = number.split('.').count() == 3
            && number
                .split('.')
                .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
        let is_commit = commit.len() == 8 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_number || !is_commit {
            return Err(wrong());
        }
        Ok(Self { number: number.to_owned(), commit: commit.to_ascii_lowercase() })
    }
}

impl fmt::Display for CompilerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+commit.{}", self.number, self.commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_number_and_commit_whatever_the_machine() {
        let told = "solc, the solidity compiler commandline interface\nVersion: 0.8.37+commit.f401782d.Linux.g++\n";
        let version = CompilerVersion::of_program(told).unwrap();
        assert_eq!(version.to_string(), "0.8.37+commit.f401782d");
        for same in ["v0.8.37+commit.f401782d", "0.8.37+commit.F401782D.Emscripten.clang", " 0.8.37+commit.f401782d "] {
            assert_eq!(same.parse::<CompilerVersion>().unwrap(), version, "{same}");
        }
        assert_ne!("0.8.37+commit.f401782e".parse::<CompilerVersion>().unwrap(), version);
        for wrong in [
            "",
            "0.8.37",
            "v0.8+commit.f401782d",
            "0.8.37+commit.f40",
            "0.8.x+commit.f401782d",
            "1.2.3-nightly+commit.f401782d",
        ] {
            assert!(wrong.parse::<CompilerVersion>().is_err(), "{wrong}");
        }
        assert!("x".repeat(9_999).parse::<CompilerVersion>().unwrap_err().to_string().len() < 200);
    }
}
