//! What the exchange's scripts say. A name in braces is filled in by them.

use serde_json::{Value, json};
use shared::api::exchange::TradeState;
use shared::exchange::{Side, TimeInForce};

use crate::text::account;

const BUYS: &str = "Buys up to {amount} {base} at {price} {quote} or better, for at most {total} {quote}. The fee is {rate} of what you get: {fee}.";
const SELLS: &str = "Sells up to {amount} {base} at {price} {quote} or better, for at least {total} {quote} if all is sold. The fee is {rate} of what you get: {fee} at this price.";
const AFTERWARDS: &str = "Filled whole at this price, you then have {gained} and {left} here.";

const RISES: &str = "{name}: for up to {days} it waits outside the book until somebody trades at {trigger} {quote} or above. Then it does this:";
const FALLS: &str = "{name}: for up to {days} it waits outside the book until somebody trades at {trigger} {quote} or below. Then it does this:";

/// What becomes of an order that does not find enough at once.
const fn rest(kind: TimeInForce) -> &'static str {
    match kind {
        TimeInForce::GoodTilTime => "What is not filled at once waits in the book for {days}, or until you cancel it.",
        TimeInForce::PostOnly => {
            "It waits in the book for {days}, or until you cancel it. Where it would be filled at once, it is refused instead."
        }
        TimeInForce::ImmediateOrCancel => "It takes what is there at once, and the rest is cancelled.",
        TimeInForce::FillOrKill => "It takes all of it at once, or nothing.",
    }
}

/// The same of an order with a trigger. All its days count from now on, those that it waits for the trigger too.
const fn rest_after_trigger(kind: TimeInForce) -> &'static str {
    match kind {
        TimeInForce::GoodTilTime => {
            "What is not filled at once then waits in the book for what is left of the {days}, or until you cancel it."
        }
        TimeInForce::PostOnly => {
            "Then it waits in the book for what is left of the {days}, or until you cancel it. Where it would be filled at once, it is cancelled instead."
        }
        TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => rest(kind),
    }
}

/// All of them, by the names that the scripts know them by.
pub fn words() -> Value {
    json!({
        "buys": BUYS, "sells": SELLS, "afterwards": AFTERWARDS,
        "GTT": rest(TimeInForce::GoodTilTime), "POST_ONLY": rest(TimeInForce::PostOnly),
        "IOC": rest(TimeInForce::ImmediateOrCancel), "FOK": rest(TimeInForce::FillOrKill),
        "GTTAfterTrigger": rest_after_trigger(TimeInForce::GoodTilTime),
        "POST_ONLYAfterTrigger": rest_after_trigger(TimeInForce::PostOnly),
        "IOCAfterTrigger": rest_after_trigger(TimeInForce::ImmediateOrCancel),
        "FOKAfterTrigger": rest_after_trigger(TimeInForce::FillOrKill),
        "triggerNONE": "", "triggerAT_OR_ABOVE": RISES, "triggerAT_OR_BELOW": FALLS,
        "stop": "Stop order", "takeProfit": "Take-profit order",
        "triggerReached": "The last trade was at {last} {symbol}, so an order with this trigger would not wait. Choose another trigger price, or let it come at once.",
        "waitsForTrigger": "Order {id} waits for its trigger, and is in no book until then.",
        "reducing": "Making the order smaller", "reduced": "Order {id} trades at most {amount} {base} now, and keeps its place.",
        "reducedAway": "Order {id} had traded {filled} {base} already, so its rest is cancelled.",
        "reducedTooSmall": "What would have stayed open of order {id} is worth less than an order may be, so it is cancelled.",
        "notLess": "An amount is a number in steps of {step} {symbol}, below the {has} {symbol} that the order has.",
        "reduceTitle": "Order {id} trades at most, in {base}",
        "fillIn": super::FILL_IN, "signBuy": super::SIGN_BUY, "signSell": super::SIGN_SELL,
        "offLot": "An amount is a number in steps of {step} {symbol}.",
        "offTick": "A price is a number in steps of {step} {symbol}.",
        "tooDear": "The highest price here is {most} {symbol}.",
        "nothing": "An amount is more than 0 {symbol}.",
        "tooMuch": "One order has at most {most} {symbol}.",
        "tooSmall": "An order is worth at least {least} {symbol}.",
        "notEnough": "It needs {needs} {symbol}, and you have {has} {symbol} free here. Deposit more, or order less.",
        "noPrice": "Fill in a price first.",
        "nobodySells": super::NOBODY_SELLS, "nobodyBuys": super::NOBODY_BUYS,
        "lastPrice": super::LAST_PRICE,
        "boughtAtOnce": super::taken(Side::Buy),
        "soldAtOnce": super::taken(Side::Sell),
        "matched": super::trade_state(TradeState::Matched), "final": super::trade_state(TradeState::Final),
        "void": super::trade_state(TradeState::Void),
        "live": "Live.", "connecting": "Connecting again. What stands here may be old.",
        "looking": account::LOOKING, "nobody": account::NOBODY, "refused": account::REFUSED,
        "offline": account::OFFLINE, "failed": account::FAILED, "otherChain": account::OTHER_CHAIN,
        "askingWallet": "Your wallet asks you now",
        "otherAccount": "The wallet answers with another account than the one that is signed in. Choose that one in the wallet, or sign in with the other.",
        "signOrder": "Your wallet asks you to sign the order", "sendingOrder": "Handing the order in",
        "waits": "Order {id} waits in the book.",
        "filledPart": "Order {id}: {filled} of {amount} {base} traded at once, and the rest waits in the book.",
        "filled": "Order {id} is filled whole: {filled} {base}. A block makes it final.",
        "ended": "Order {id} is over: {filled} of {amount} {base} traded at once. {reason}",
        "cancelling": "Cancelling", "cancelled": "The order is cancelled.",
        "keyAddress": "A key is an address: 0x and 40 digits from 0 to 9 and a to f.",
        "keyIsOwn": "This is your own account, which signs your orders anyway.",
        "notOpen": "The order was no longer open.",
        "moveNumber": "An amount is a number of {symbol} above 0, with at most {decimals} digits behind the point.",
        "moveWallet": "Your wallet has {has} {symbol}.", "moveFree": "Free here are {has} {symbol}.",
        "signPermit": "1 of 2: your wallet asks for the permit of the deposit",
        "signDeposit": "2 of 2: your wallet asks for the deposit",
        "signTransaction": "Your wallet asks for the transaction",
        "waiting": "Waiting for the block", "inBlock": "Done: a block has it.",
        "notInBlock": "No block has the transaction yet. Look at your wallet before you try again.",
        "failedInBlock": "The transaction is in a block but failed. Nothing moved.",
        "signWithdrawal": "Your wallet asks you to sign the withdrawal", "sendingWithdrawal": "Handing the withdrawal in",
        "withdrawalAccepted": "The withdrawal is accepted, and goes behind the trades that were matched before.",
    })
}
