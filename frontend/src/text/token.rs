//! Words of tokens, their holders and transfers, and of the explorer's charts.

pub const TITLE: &str = "Tokens";
pub const FACT: &str =
    "Contracts that announced a transfer as ERC-20 has it. Anybody may make one and call it anything.";
pub const EMPTY_TITLE: &str = "No token yet";
pub const EMPTY_DETAIL: &str = "A token is listed with its first transfer: AIT with the first mint.";
pub const TOKEN: &str = "Token";
pub const NAME: &str = "Name";
pub const SYMBOL: &str = "Symbol";
pub const SUPPLY: &str = "Supply";
pub const SUPPLY_HELP: &str = "What the contract says exists.";
pub const DECIMALS: &str = "Decimals";
pub const HOLDERS: &str = "Holders";
pub const HOLDER: &str = "Holder";
pub const SHARE: &str = "Share";
pub const TRANSFERS: &str = "Transfers";
pub const TRANSFER: &str = "Transfer";
pub const AMOUNT: &str = "Amount";
pub const CONTRACT: &str = "Contract";
pub const FIRST_BLOCK: &str = "First transfer";
pub const MADE_BY: &str = "Made by";
pub const MADE_IN: &str = "Made in";
pub const NO_HOLDERS_TITLE: &str = "Nobody holds it";
pub const NO_HOLDERS: &str = "Its transfers leave no account with more than nothing.";
pub const NO_TRANSFERS_TITLE: &str = "No token transfer";
pub const NO_TRANSFERS: &str = "No token announced a transfer here.";
pub const NO_HOLDINGS_TITLE: &str = "No token held";
pub const NO_HOLDINGS: &str = "Tokens that this address receives are listed here.";
pub const HELD: &str = "Tokens held";
pub const SAYS_OF_ITSELF: &str = "Name, symbol, decimals and supply are what the contract says of itself. Balances are the sums of the transfers that it announced.";
pub const MINT: &str = "issued";
pub const BURN: &str = "burnt";
pub const UNNAMED: &str = "Without a name";
pub const TABS: &str = "What to show";

pub const CREATION: &str = "Contract";
pub const OF_GENESIS: &str = "It stands since block 0: no transaction made it.";
pub const NO_CONTRACT: &str = "This is an account: a key signs for it, and it has no code.";
pub const MADE_BY_CONTRACT: &str = "Another contract made it while a transaction ran; the index names makers of contracts that a transaction made itself.";

pub const BEHIND_TITLE: &str = "The index is behind";
pub const BUILDING_TITLE: &str = "The index is being filled";
pub const BUILDING: &str = "Tokens, holders and transfers appear as it goes on. Blocks and transactions are complete.";

pub fn behind(blocks: &str) -> String {
    format!("It lacks the newest {blocks} blocks, so tokens, holders and transfers may be older than the chain.")
}

pub const CHARTS: &str = "The last days";
pub const CHART_SUPPLY: &str = "Supply and the sum of mints";
pub const CHART_SUPPLY_HELP: &str = "Two sources, one line: what the token says exists, and what the minter says it minted. They part only where AIT was burnt or is held.";
pub const CHART_JOBS: &str = "Jobs per day";
pub const CHART_PRICES: &str = "Price per unit";
pub const CHART_PRICES_HELP: &str = "The mean of the newest receipts, for each unit of work.";
pub const CHART_LATEST: &str = "Latest:";
pub const CHART_TABLE: &str = "The numbers";
pub const DAY: &str = "Day";
pub const MINTED: &str = "Minted";
pub const JOBS: &str = "Jobs";
pub const KIND: &str = "Kind";
pub const PRICE: &str = "Price";
pub const UNIT: &str = "Unit";
pub const RECEIPTS: &str = "Receipts";
pub const NO_CHART: &str = "Nothing to draw yet: the first day with a block begins the line.";

pub fn token(symbol: &str) -> String {
    format!("Token {symbol}")
}

pub fn fact(holders: &str, transfers: &str) -> String {
    let of = |number: &str, one: &str| if number == "1" { format!("1 {one}") } else { format!("{number} {one}s") };
    format!("{}, {}", of(holders, "holder"), of(transfers, "transfer"))
}
