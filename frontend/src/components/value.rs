//! Values with their units: addresses, hashes, amounts, ages, heights, units of work, chips.

use leptos::prelude::*;
use shared::amount::{Amount, MicroUnits};
use shared::time::{UnixMillis, UnixSeconds};
use shared::unit::UnitType;
use shared::{Address, B256};

use super::icon::{Glyph, Icon};
use super::identicon::Identicon;
use crate::format;
use crate::text;

/// A button that copies `value`; the page's tools listen for it.
#[component]
pub fn CopyButton(value: String, what: &'static str) -> impl IntoView {
    view! {
        <button type="button" class="copy" data-copy=value aria-label=text::common::copy(what) title=text::common::copy(what)>
            <Icon glyph=Glyph::Copy />
        </button>
    }
}

/// Names of known addresses: the contracts of genesis, and miners.
pub fn known_name(address: Address) -> Option<&'static str> {
    match address {
        shared::chain::TOKEN_ADDRESS => Some("AIToken"),
        shared::chain::MINTER_ADDRESS => Some("AITokenMinter"),
        shared::chain::ESCROW_ADDRESS => Some("JobEscrow"),
        shared::chain::EXCHANGE_ADDRESS => Some("ExchangeSettlement"),
        shared::chain::TEST_DOLLAR_ADDRESS => Some("TestDollar"),
        shared::chain::BRIDGED_BITCOIN_ADDRESS => Some("WBTC"),
        shared::chain::BRIDGED_ETHER_ADDRESS => Some("WETH"),
        shared::chain::STAKING_ADDRESS => Some("Staking"),
        shared::chain::BOUNTY_ADDRESS => Some("ModelBounty"),
        _ => None,
    }
}

/// An address as a link: identicon, short form or known name, and a button that copies the whole.
#[component]
pub fn AddressValue(
    address: Address,
    /// Leads to the miner's profile instead of the account.
    #[prop(optional)]
    miner: bool,
    #[prop(optional)] full: bool,
    /// Without the copy button, in dense rows.
    #[prop(optional)]
    without_copy: bool,
) -> impl IntoView {
    let whole = address.to_string();
    let href = if miner { format!("/miners/{whole}") } else { format!("/explorer/addresses/{whole}") };
    let shown = match known_name(address) {
        Some(name) if !full => name.to_owned(),
        _ if full => whole.clone(),
        _ => format::shortened(&whole),
    };
    let class = if full { "value value-full" } else { "value" };
    view! {
        <span class=class>
            <Identicon address />
            <a href=href title=whole.clone()>
                <code>{shown}</code>
            </a>
            {(!without_copy).then(|| view! { <CopyButton value=whole what=text::common::ADDRESS /> })}
        </span>
    }
}

/// A 32-byte hash; with `href` it is a link.
#[component]
pub fn HashValue(
    hash: B256,
    #[prop(into, optional)] href: Option<String>,
    #[prop(optional)] full: bool,
    #[prop(optional)] without_copy: bool,
) -> impl IntoView {
    let whole = hash.to_string();
    let shown = if full { whole.clone() } else { format::shortened(&whole) };
    let class = if full { "value value-full" } else { "value" };
    let code = view! { <code title=whole.clone()>{shown}</code> };
    view! {
        <span class=class>
            {match href {
                Some(href) => view! { <a href=href>{code}</a> }.into_any(),
                None => code.into_any(),
            }}
            {(!without_copy).then(|| view! { <CopyButton value=whole what=text::common::HASH /> })}
        </span>
    }
}

/// Any long text in a fixed pitch, whole, with its copy button.
#[component]
pub fn CodeValue(#[prop(into)] value: String, what: &'static str) -> impl IntoView {
    view! {
        <span class="value value-full">
            <code>{value.clone()}</code>
            <CopyButton value what />
        </span>
    }
}

/// An amount of AIT: the integer part bold, the fraction grey, always with its unit, all digits on hover.
#[component]
pub fn AmountValue(amount: Amount) -> impl IntoView {
    let (whole, fraction) = format::amount_parts(amount);
    view! {
        <span class="amount" title=format!("{amount} AIT")>
            <span class="amount-whole">{whole}</span>
            {(!fraction.is_empty()).then(|| view! { <span class="amount-fraction">{fraction}</span> })}
            <span class="amount-unit">"AIT"</span>
        </span>
    }
}

/// A moment as its age; the exact time on hover. The page's tools keep it current.
#[component]
pub fn Age(at: UnixMillis) -> impl IntoView {
    let second = at.seconds();
    view! {
        <time class="age" datetime=format::machine_time(second) title=format::exact_time(second) data-age=at.0.to_string()>
            {format::age(at, format::now())}
        </time>
    }
}

/// A moment in full, with its age behind it.
#[component]
pub fn Moment(at: UnixSeconds) -> impl IntoView {
    view! {
        {format::exact_time(at)}
        " "
        <span class="quiet">"("<Age at=at.millis() />")"</span>
    }
}

/// A block's height as a link.
#[component]
pub fn Height(number: u64) -> impl IntoView {
    view! { <a href=format!("/explorer/blocks/{number}")>{format::grouped(number)}</a> }
}

/// Units of work with their type.
#[component]
pub fn Units(units: MicroUnits, unit_type: UnitType) -> impl IntoView {
    view! {
        <span class="amount" title=format!("{} micro-units", units.0)>
            {units.to_string()}
            <span class="amount-unit">{text::common::unit(unit_type)}</span>
        </span>
    }
}

/// What one unit of work costs.
#[component]
pub fn UnitPrice(price: Amount, unit_type: UnitType) -> impl IntoView {
    view! {
        <AmountValue amount=price />
        " / "
        {text::common::unit_singular(unit_type)}
    }
}

/// A device as it was measured.
#[component]
pub fn DeviceChip(#[prop(into)] name: String, #[prop(into, optional)] memory: Option<String>) -> impl IntoView {
    view! {
        <span class="chip">
            <Icon glyph=Glyph::Cpu />
            {name}
            {memory.map(|memory| view! { <small>{memory}</small> })}
        </span>
    }
}

/// A model by its name.
#[component]
pub fn ModelChip(#[prop(into)] name: String) -> impl IntoView {
    view! {
        <span class="chip">
            <Icon glyph=Glyph::Layers />
            {name}
        </span>
    }
}

/// How much of something is done, as a bar and in words.
#[component]
pub fn Meter(value: u64, of: u64, #[prop(into)] words: String) -> impl IntoView {
    view! {
        <span class="meter">
            <progress value=value.to_string() max=of.to_string()>{words.clone()}</progress>
            <span aria-hidden="true">{words.clone()}</span>
        </span>
    }
}
