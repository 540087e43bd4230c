//! The parameters of a call, read with their names in every refusal.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use shared::Address;
use store::repository::IndexPage;

use super::{DEPTH_MAX, ROWS_DEFAULT, ROWS_MAX, Refused};

/// What query and form hold; of a name that stands twice the last counts.
pub(super) type Fields = BTreeMap<String, String>;

pub(super) struct Parameters(pub(super) Fields);

impl Parameters {
    /// A parameter, or nothing.
    pub(super) fn word(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    pub(super) fn needed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Refused> {
        self.optional(name)?.ok_or_else(|| Refused::Parameter(format!("Error! Missing {name}")))
    }

    pub(super) fn optional<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Refused> {
        let text = self.word(name);
        if text.is_empty() {
            return Ok(None);
        }
        let invalid = |error: T::Err| Refused::Parameter(format!("Error! Invalid {name}: {error}"));
        text.parse().map(Some).map_err(invalid)
    }

    /// Several addresses, separated by commas.
    pub(super) fn addresses(&self, name: &str, max: usize) -> Result<Vec<Address>, Refused> {
        let texts: Vec<&str> = self.word(name).split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() || texts.len() > max {
            return Err(Refused::Parameter(format!("Error! {name} holds 1 to {max} addresses, got {}", texts.len())));
        }
        let read =
            |text: &&str| text.parse().map_err(|error| Refused::Parameter(format!("Error! Invalid {name}: {error}")));
        texts.iter().map(read).collect()
    }

    /// A height, or a word that names the head.
    pub(super) fn height(&self, name: &str, default: u64) -> Result<u64, Refused> {
        match self.word(name) {
            "latest" | "pending" => Ok(u64::MAX),
            _ => Ok(self.optional(name)?.unwrap_or(default)),
        }
    }

    /// Rows to skip and rows to give. `page` counts from 1, `offset` is the rows of a page.
    pub(super) fn window(&self) -> Result<(u64, u64), Refused> {
        let page = self.optional::<u64>("page")?.unwrap_or(1).max(1);
        let rows = self.optional::<u64>("offset")?.unwrap_or(ROWS_DEFAULT);
        if !(1..=ROWS_MAX).contains(&rows) {
            return Err(Refused::Parameter(format!("Error! offset is 1 to {ROWS_MAX}, got {rows}")));
        }
        let reach = page.saturating_mul(rows);
        if reach > DEPTH_MAX {
            let told = format!(
                "Error! page x offset is up to {DEPTH_MAX}, got {reach}; go further by startblock and endblock"
            );
            return Err(Refused::Parameter(told));
        }
        Ok((reach - rows, rows))
    }

    /// The rows of a list that is ordered by place: the oldest first, unless `sort` is `desc`.
    pub(super) fn index_page(&self) -> Result<(u64, IndexPage), Refused> {
        let (skipped, rows) = self.window()?;
        let newest_first = match self.word("sort").to_ascii_lowercase().as_str() {
            "desc" => true,
            "" | "asc" => false,
            other => return Err(Refused::Parameter(format!("Error! sort is asc or desc, got {other}"))),
        };
        let blocks = (self.height("startblock", 0)?, self.height("endblock", u64::MAX)?);
        Ok((skipped, IndexPage { blocks, behind: None, newest_first, limit: skipped + rows }))
    }
}

/// The rows behind those that a page skips.
pub(super) fn beyond<T>(skipped: u64, rows: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    rows.into_iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(fields: &[(&str, &str)]) -> Parameters {
        Parameters(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn pages_are_bounded_and_say_so() {
        assert_eq!(given(&[]).window().unwrap(), (0, 100));
        assert_eq!(given(&[("page", "3"), ("offset", "50")]).window().unwrap(), (100, 50));
        assert_eq!(given(&[("page", "10"), ("offset", "1000")]).window().unwrap(), (9_000, 1_000));
        for wrong in [
            &[("offset", "0")][..],
            &[("offset", "1001")],
            &[("page", "11"), ("offset", "1000")],
            &[("page", "18446744073709551615"), ("offset", "2")],
            &[("page", "-1")],
        ] {
            assert!(matches!(given(wrong).window(), Err(Refused::Parameter(_))), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let told = |fields| given(fields).needed::<Address>("address").unwrap_err().to_string();
        assert_eq!(told(&[]), "Error! Missing address");
        assert!(told(&[("address", "0x12")]).starts_with("Error! Invalid address"));
        assert!(given(&[("address", ",")]).addresses("address", 20).is_err());
        assert_eq!(given(&[("endblock", "latest")]).height("endblock", 0).unwrap(), u64::MAX);
        assert!(given(&[("sort", "up")]).index_page().is_err());
    }
}
