//! Where a device sits on the PCI bus: the one name that graphics drivers, NVML and the kernel share.

use std::fmt;
use std::str::FromStr;

/// Domain, bus, device and function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciId {
    pub domain: u32,
    pub bus: u8,
    pub device: u8,
    pub function: u8,
}

impl fmt::Display for PciId {
    /// As Linux names it: `0000:01:00.0`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(formatter, "{domain:04x}:{bus:02x}:{device:02x}.{function:x}")
    }
}

impl FromStr for PciId {
    type Err = ();

    /// Reads Linux's form and NVML's, which has eight digits of domain in upper case.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (domain, rest) = text.split_once(':').ok_or(())?;
        let (bus, rest) = rest.split_once(':').ok_or(())?;
        let (device, function) = rest.split_once('.').ok_or(())?;
        let byte = |digits: &str| u8::from_str_radix(digits, 16).map_err(|_| ());
        Ok(Self {
            domain: u32::from_str_radix(domain, 16).map_err(|_| ())?,
            bus: byte(bus)?,
            device: byte(device)?,
            function: byte(function)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_name_one_place() {
        let linux: PciId = "0000:c1:00.0".parse().unwrap();
        assert_eq!("00000000:C1:00.0".parse(), Ok(linux));
        assert_eq!(linux.to_string(), "0000:c1:00.0");
        for text in ["", "0000", "0000:01", "0000:01:00", "0000:01:00.", "x:01:00.0", "0000:101:00.0"] {
            assert_eq!(text.parse::<PciId>(), Err(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(domain: u32, bus: u8, device: u8, function in 0_u8..8) {
            let id = PciId { domain, bus, device, function };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn rubbish_is_refused_without_panic(text in "\\PC{0,20}") {
            let _ = text.parse::<PciId>();
        }
    }
}
