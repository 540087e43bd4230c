//! Words about paying for a job from the escrow.

use shared::api::payments::PaymentState;

pub const TITLE: &str = "Pay for a picture";
pub const FACT: &str =
    "You pay the miner from your deposit in the escrow. The job is private, and no daily limit applies.";
pub const SIGN_IN_FIRST: &str = "Sign in first";
pub const SIGN_IN_DETAIL: &str = "The account that is signed in pays. Your wallet shows every step before it signs.";
pub const FUNDS: &str = "What you have";
pub const ACCOUNT: &str = "Account";
pub const IN_WALLET: &str = "In the wallet";
pub const IN_ESCROW: &str = "Free in the escrow";
pub const IN_ESCROW_HELP: &str = "Deposited and not reserved. You can take it back at any time.";
pub const NO_FUNDS: &str = "This account has no AIT. Miners earn them, or somebody sends you some.";

pub const REQUEST: &str = "What to draw";
pub const OF_MODEL: &str = "It is drawn by the model";
pub const PROMPT: &str = "Prompt";
pub const STEPS: &str = "Steps";
pub const WIDTH: &str = "Width, pixels";
pub const HEIGHT: &str = "Height, pixels";
pub const SEED: &str = "Seed";
pub const MODELS_OWN: &str = "the model’s own";
pub const RANDOM: &str = "random";
pub const ASK: &str = "Ask for the price";

pub const OFFER: &str = "The offer";
pub const OFFER_NOTE: &str = "It binds for five minutes. You pay what the receipt proves, and the rest is free again. Without a result all of it is free again.";
pub const TOTAL: &str = "At most";
pub const UNIT_PRICE: &str = "Price";
pub const UNITS: &str = "Work";
pub const WORK: &str = "Takes";
pub const WORK_HELP: &str = "At the miner that would get it now. The queue comes on top.";
pub const MINERS: &str = "Miners at this price";
pub const FEE: &str = "Fee";
pub const FEE_HELP: &str = "Part of the sum, for the network.";
pub const DEPOSIT: &str = "Deposit first";
pub const DEPOSIT_HELP: &str =
    "What is missing in the escrow. Your wallet signs a permit and the transaction; gas is free on this chain.";
pub const PAY: &str = "Pay and draw";

/// `{}` is what the script fills in.
pub const UP_TO: &str = "up to {} AIT";
pub const PER_UNIT: &str = "up to {} AIT a {}";
pub const UP_TO_UNITS: &str = "up to {} {}";
pub const ABOUT: &str = "about {} s";
pub const PERCENT: &str = "{} %";
pub const NOTHING: &str = "nothing: the deposit is enough";
pub const PAY_SUM: &str = "Pay up to {} AIT and draw";

pub const ASKING_PRICE: &str = "Asking for the price";
pub const ASKING_WALLET: &str = "Your wallet asks you now";
pub const SIGN_PERMIT: &str = "1 of 3: your wallet asks for the permit of the deposit";
pub const SIGN_DEPOSIT: &str = "2 of 3: your wallet asks for the deposit";
pub const WAITING: &str = "Waiting for the block with the deposit";
pub const SIGN_ORDER: &str = "Last step: your wallet asks you to sign the order";
pub const SENDING: &str = "Handing the order in";
pub const DEPOSIT_FAILED: &str = "The deposit is in a block but failed. Nothing moved.";
pub const DEPOSIT_LATE: &str =
    "No block has the deposit yet. Ask for the price again in a moment: it counts what is there by then.";
pub const OTHER_ACCOUNT: &str = "The wallet answers with another account than the one that is signed in. Choose that one in the wallet, or sign in with the other.";
pub const NEEDS_SCRIPT: &str = "Paying needs JavaScript, since your wallet asks you there.";

pub const INSTEAD: &str = "Pay from your deposit instead";
pub const AGAIN: &str = "Run again, paid from your deposit";
pub const HOME_NOTE: &str = "You are signed in: these jobs are private and belong to your account. The hub sponsors them within the limits of a day.";

pub const PAYMENT: &str = "Payment";
pub const STATE: &str = "State";
pub const MAXIMUM: &str = "Reserved at most";
pub const PAID: &str = "Paid to the miner";
pub const REFUNDED: &str = "Free again";
pub const RESERVED_IN: &str = "Reserved in";
pub const ENDED_IN: &str = "Ended in";
pub const REASON: &str = "Why";

/// What became of the money, in one sentence.
pub const fn state(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Awaiting => "The order is stored. Nothing is reserved yet, and no miner gets the job.",
        PaymentState::Reserving => "The reservation waits for its block. No miner gets the job before it.",
        PaymentState::Reserved => "The sum is set aside in the escrow. The miner is paid when its result holds.",
        PaymentState::Settled => "Settled: who served it is paid, and what was not used is free again.",
        PaymentState::Closing => "The job ended without all of its result. The refund waits for its block.",
        PaymentState::Refunded => "Refunded: all of it is free again in the escrow.",
        PaymentState::Void => "Nothing was ever reserved.",
    }
}
