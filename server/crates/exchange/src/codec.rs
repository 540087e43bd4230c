//! Bytes of commands and of the state: numbers of fixed width, the lowest byte first. Every value has one encoding, and
//! nothing else is read.

use std::num::NonZeroU64;

use crate::book::{Immediacy, NEVER, Order};
use crate::command::{Command, NewOrder, OrderKind, OrderRef, SelfTradeRule, TimeInForce, Trigger, TriggerDirection};
use crate::market::MarketRules;
use crate::quantity::{
    AccountId, AssetId, BasisPoints, ClientOrderId, Lots, MarketId, OrderId, Side, Ticks, Units, UnixMs,
};

pub(crate) trait Codec: Sized {
    fn write(&self, out: &mut Vec<u8>);
    /// Takes the value off the front of `input`.
    fn read(input: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Codec for $number {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn read(input: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = input.split_first_chunk()?;
                *input = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        })+
    };
}

/// A struct is its fields in turn.
macro_rules! fields {
    ($($name:ident { $($field:tt),+ }),+ $(,)?) => {
        $(impl Codec for $name {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)+
            }
            #[inline]
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Codec::read(input)?),+ })
            }
        })+
    };
}

/// An enum is one byte for the variant, then its fields.
macro_rules! variants {
    ($name:ident { $($tag:literal => $variant:ident $(($($item:ident),+))? $({ $($field:ident),+ })?),+ $(,)? }) => {
        impl Codec for $name {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($item),+))? $({ $($field),+ })? => {
                        out.push($tag);
                        $($($item.write(out);)+)?
                        $($($field.write(out);)+)?
                    })+
                }
            }
            #[inline]
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(match u8::read(input)? {
                    $($tag => {
                        $($(let $item = Codec::read(input)?;)+)?
                        $($(let $field = Codec::read(input)?;)+)?
                        Self::$variant $(($($item),+))? $({ $($field),+ })?
                    })+
                    _ => return None,
                })
            }
        }
    };
}

numbers!(u8, u16, u32, u64, u128);

fields!(
    Ticks { 0 },
    Lots { 0 },
    Units { 0 },
    BasisPoints { 0 },
    AccountId { 0 },
    AssetId { 0 },
    MarketId { 0 },
    OrderId { 0 },
    UnixMs { 0 },
    ClientOrderId { 0 },
    MarketRules {
        base, quote, base_units_per_lot, quote_units_per_tick, maker_fee, taker_fee, order_lots_max, notional_min,
        orders_max
    },
    Trigger { direction, price, waits_until },
    NewOrder { id, account, client_order_id, side, price, lots, kind, time_in_force, trigger, self_trade },
);

variants!(Side { 0 => Buy, 1 => Sell });
variants!(TriggerDirection { 0 => Rise, 1 => Fall });
variants!(OrderKind { 0 => Limit, 1 => PostOnly, 2 => Market { slippage } });
variants!(TimeInForce { 0 => GoodTilCancelled, 1 => GoodTilTime(time), 2 => ImmediateOrCancel, 3 => FillOrKill });
variants!(Immediacy { 0 => Rests, 1 => ImmediateOrCancel, 2 => FillOrKill });
variants!(SelfTradeRule { 0 => Allow, 1 => ExpireTaker, 2 => ExpireMaker, 3 => ExpireBoth });
variants!(OrderRef { 0 => Id(id), 1 => Client(client) });
variants!(Command {
    0 => OpenMarket(rules),
    1 => Deposit { account, asset, amount },
    2 => Withdraw { account, asset, amount },
    3 => Place { market, order },
    4 => Amend { market, account, order, price, lots },
    5 => Reduce { market, account, order, by },
    6 => Cancel { market, account, order },
    7 => CancelAll { market, account },
    8 => Advance,
});

impl Codec for NonZeroU64 {
    fn write(&self, out: &mut Vec<u8>) {
        self.get().write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Self::new(u64::read(input)?)
    }
}

/// Absent is 0, and no present value is.
impl Codec for Option<ClientOrderId> {
    fn write(&self, out: &mut Vec<u8>) {
        self.map_or(0, |client| client.0.get()).write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(NonZeroU64::new(u64::read(input)?).map(ClientOrderId))
    }
}

/// One byte says whether there is one.
macro_rules! options {
    ($($value:ty),+) => {
        $(impl Codec for Option<$value> {
            fn write(&self, out: &mut Vec<u8>) {
                u8::from(self.is_some()).write(out);
                if let Some(value) = self {
                    value.write(out);
                }
            }

            fn read(input: &mut &[u8]) -> Option<Self> {
                match u8::read(input)? {
                    0 => Some(None),
                    1 => <$value>::read(input).map(Some),
                    _ => None,
                }
            }
        })+
    };
}

options!(Ticks, (Ticks, Ticks), UnixMs, Trigger);

impl Codec for (Ticks, Ticks) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some((Codec::read(input)?, Codec::read(input)?))
    }
}

/// An open order, without its place in queues and lists.
impl Codec for Order {
    fn write(&self, out: &mut Vec<u8>) {
        self.id.write(out);
        self.account.write(out);
        self.client.write(out);
        self.side.write(out);
        self.price.write(out);
        self.lots.write(out);
        self.filled.write(out);
        self.kind.write(out);
        self.immediacy.write(out);
        self.expires_at.write(out);
        self.trigger.write(out);
        if self.waits() {
            self.direction.write(out);
        }
        self.self_trade.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        let (id, account, client_order_id) = (Codec::read(input)?, Codec::read(input)?, Codec::read(input)?);
        let (side, price, lots, filled) =
            (Codec::read(input)?, Codec::read(input)?, Codec::read(input)?, Codec::read(input)?);
        let (kind, immediacy, expires_at) = (Codec::read(input)?, Codec::read(input)?, Codec::read(input)?);
        let trigger: u32 = Codec::read(input)?;
        let direction = if trigger == 0 { TriggerDirection::Rise } else { Codec::read(input)? };
        let self_trade = Codec::read(input)?;
        if immediacy != Immediacy::Rests && expires_at != NEVER && trigger == 0 {
            return None;
        }
        let time_in_force = TimeInForce::GoodTilCancelled;
        let new = NewOrder {
            id,
            account,
            client_order_id,
            side,
            price,
            lots,
            kind,
            time_in_force,
            trigger: None,
            self_trade,
        };
        Some(Self { filled, immediacy, expires_at, trigger, direction, ..Self::new(&new) })
    }
}
