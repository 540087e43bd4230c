//! A picture of an address: five by five fields, mirrored, in two shades, all from the address's own bytes.

use leptos::prelude::*;
use shared::Address;

/// Fields per side.
const SIDE: usize = 5;

/// Columns that are drawn; the others mirror them.
const HALF: usize = SIDE.div_ceil(2);

fn path(address: Address) -> String {
    let mut path = String::new();
    for row in 0..SIDE {
        for column in 0..HALF {
            if address[row * HALF + column] & 1 == 0 {
                continue;
            }
            for x in [column, SIDE - 1 - column] {
                path.push_str(&format!("M{x} {row}h1v1h-1z"));
            }
        }
    }
    path
}

/// The identicon of `address`, as decoration: the address stands beside it.
#[component]
pub fn Identicon(address: Address, #[prop(optional)] large: bool) -> impl IntoView {
    let hue = u32::from(u16::from_be_bytes([address[18], address[19]])) * 360 / 65_536;
    let class = if large { "identicon identicon-large" } else { "identicon" };
    view! {
        <svg class=class viewBox="-0.5 -0.5 6 6" aria-hidden="true" shape-rendering="crispEdges">
            <path d=path(address) fill=format!("oklch(62% 0.12 {hue})") />
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_addresses_look_equal_and_the_picture_is_mirrored() {
        let address = Address::from([0b1010_1011; 20]);
        assert_eq!(path(address), path(address));
        assert_eq!(path(address).matches('M').count(), SIDE * HALF * 2);
        assert!(path(Address::ZERO).is_empty());
    }
}
