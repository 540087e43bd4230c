//! Words about reviews of miners.

use shared::review::STARS_MAX;

use crate::format::grouped;

pub const TITLE: &str = "Reviews";
pub const NONE_TITLE: &str = "No review yet";
pub const NONE: &str = "Who asked for work with an account can review it on the page of the job.";
pub const NOTE: &str = "The mean weighs each review by what its author paid for the work. Work that was minted for costs nothing, so its reviews count for nothing. The hub’s log has all stars.";
pub const STARS: &str = "Stars";
pub const TEXT: &str = "What it says";
pub const WEIGHT: &str = "Weight";
pub const AUTHOR: &str = "Author";
pub const RECEIPT: &str = "Receipt";
pub const WHEN: &str = "When";
pub const NO_WEIGHT: &str = "not paid, counts nothing";
pub const OLDER: &str = "Older ones";

pub const OWN: &str = "Your review";
pub const OWN_NOTE: &str =
    "It is public, with your account, and stands in the miner’s profile. You may change it for seven days.";
pub const WAITS: &str = "You can review the work once there is a receipt for it.";
pub const QUESTION: &str = "How good was the work?";
pub const WORDS: &str = "In a few words";
pub const WORDS_HELP: &str = "Up to 500 characters. You need not write any.";
pub const SEND: &str = "Publish the review";
pub const CHANGE: &str = "Change the review";
pub const WORK_OF: &str = "Work of";
pub const NEEDS_SCRIPT: &str = "Writing a review needs JavaScript.";
pub const FAILED: &str = "That did not work. Nothing was changed; try again.";
pub const OFFLINE: &str = "The server cannot be reached. Your words stay here; try again.";
pub const CHOOSE: &str = "Choose 1 to 5 stars first.";

/// Of a review whose text an operator hid.
pub fn hidden(reason: &str) -> String {
    format!("An operator hid the text: {reason}")
}

/// `4 of 5`.
pub fn stars(count: u8) -> String {
    format!("{count} of {STARS_MAX}")
}

/// `4.25 of 5`, of thousandths.
pub fn mean(per_mille: u16) -> String {
    format!("{}.{:02} of {STARS_MAX}", per_mille / 1_000, per_mille % 1_000 / 10)
}

/// What stands under the mean.
pub fn counted(paid: u64, unpaid: u64) -> String {
    let counted = if paid == 1 { "1 counts".to_owned() } else { format!("{} count", grouped(paid)) };
    match unpaid {
        0 => counted,
        1 => format!("{counted}, 1 of unpaid work does not"),
        many => format!("{counted}, {} of unpaid work do not", grouped(many)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_two_digits_and_says_what_it_counts() {
        assert_eq!(
            (mean(4_250), mean(5_000), mean(1_009)),
            ("4.25 of 5".into(), "5.00 of 5".into(), "1.00 of 5".into())
        );
        assert_eq!(counted(1, 0), "1 counts");
        assert_eq!(counted(2, 1), "2 count, 1 of unpaid work does not");
        assert_eq!(counted(0, 3), "0 count, 3 of unpaid work do not");
    }
}
