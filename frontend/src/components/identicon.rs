//! A picture of an address: five by five fields, mirrored, in a colour, all from the address alone.

use leptos::prelude::*;
use shared::Address;

/// Fields per side.
const SIDE: usize = 5;

/// Columns that are drawn; the others mirror them.
const HALF: usize = SIDE.div_ceil(2);

/// FNV-1a over the address, so that addresses with many equal bytes look different as well.
fn digest(address: Address) -> u64 {
    address.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn path(digest: u64) -> String {
    let mut path = String::new();
    for row in 0..SIDE {
        for column in 0..HALF {
            if digest >> (row * HALF + column) & 1 == 0 {
                continue;
            }
            for x in [column, SIDE - 1 - column] {
                path.push_str(&format!("M{x} {row}h1v1h-1z"));
            }
        }
    }
    path
}

/// The identicon of `address`, as decoration: the address is beside it.
#[component]
pub fn Identicon(address: Address, #[prop(optional)] large: bool) -> impl IntoView {
    let digest = digest(address);
    let hue = (digest >> 48) * 360 / 65_536;
    let class = if large { "identicon identicon-large" } else { "identicon" };
    view! {
        <svg class=class viewBox="-0.5 -0.5 6 6" aria-hidden="true" shape-rendering="crispEdges">
            <path d=path(digest) fill=format!("oklch(62% 0.12 {hue})") />
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_mirrored_and_depends_on_every_byte() {
        assert_eq!(path(u64::MAX).matches('M').count(), SIDE * HALF * 2);
        assert!(path(0).is_empty());
        let genesis =
            [shared::chain::TOKEN_ADDRESS, shared::chain::MINTER_ADDRESS].map(|address| path(digest(address)));
        assert_ne!(genesis[0], genesis[1]);
    }
}
