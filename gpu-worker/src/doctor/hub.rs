//! Checks the connection to the hub in stages: name, connection, hub, clock.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use inference::clock;
use inference::error::quote;
use shared::protocol::{CLOCK_SKEW_MAX_MS, PROTOCOL_VERSION};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Finding;
use crate::error::HubLinkError;
use crate::hub::clock::HubClock;
use crate::hub::route::Route;
use crate::hub::session::HubIdentity;
use crate::hub::trust::Trust;
use crate::hub::{HubUrl, link, results};

/// How long a name, and a connection to one address, may take.
const STEP_LIMIT: Duration = Duration::from_secs(5);

/// A clock that is kept by NTP is closer than this; one that is not will drift further.
const CLOCK_COMFORT_MS: u64 = 10_000;

/// How far the way to the hub goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub hub: String,
    pub host: String,
    pub port: u16,
    pub end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The name has no address.
    NoName { reason: String },
    /// No answer at all: something drops the packets.
    Silence { address: SocketAddr },
    /// The host answers, and nothing listens there.
    Refused { address: SocketAddr },
    /// This machine sends nothing there.
    NoRoute { address: SocketAddr, reason: String },
    /// Connected, but what answers is no hub that talks with this worker.
    NoHub { reason: String },
    Greeted {
        identity: HubIdentity,
        protocol_version: u32,
        ahead_ms: i64,
        /// Why no result would arrive, where none would.
        no_delivery: Option<String>,
    },
}

/// Tries each stage in turn and closes the connection.
pub async fn observe(hub: &HubUrl, trust: &Trust, route: &Route) -> Way {
    let (host, port) = route.first_stop(hub);
    let way = |end| Way { hub: hub.as_str().to_owned(), host: host.clone(), port, end };
    let name = timeout(STEP_LIMIT, lookup_host((host.as_str(), port))).await;
    let addresses: Vec<SocketAddr> = match name {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return way(End::NoName { reason: error.to_string() }),
        Err(_) => return way(End::NoName { reason: format!("no answer in {} s", STEP_LIMIT.as_secs()) }),
    };
    let mut end = End::NoName { reason: "it has no address".into() };
    for address in addresses {
        match connect(address).await {
            Ok(()) => return way(greet(hub, trust, route).await),
            Err(failed) => end = failed,
        }
    }
    way(end)
}

async fn connect(address: SocketAddr) -> Result<(), End> {
    match timeout(STEP_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Err(_) => Err(End::Silence { address }),
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::ConnectionRefused => End::Refused { address },
            ErrorKind::TimedOut => End::Silence { address },
            _ => End::NoRoute { address, reason: error.to_string() },
        }),
    }
}

/// Both ways that a worker uses: the session, and that of the results.
async fn greet(hub: &HubUrl, trust: &Trust, route: &Route) -> End {
    match link::greeting(hub, trust, route).await {
        Ok(challenge) => End::Greeted {
            ahead_ms: HubClock::new(challenge.server_time_unix_ms, Instant::now()).ahead_ms(clock::now()),
            identity: HubIdentity::from(&challenge),
            protocol_version: challenge.protocol_version,
            no_delivery: results::probe(hub, trust, route).await.err(),
        },
        Err(HubLinkError::Unreachable { reason, .. }) => End::NoHub { reason },
        Err(error) => End::NoHub { reason: error.to_string() },
    }
}

/// `network`, and as far as the way leads `hub` and `clock`.
pub fn judge(way: &Way) -> Vec<Finding> {
    let Way { hub, host, port, end } = way;
    let url = "or correct the URL: --hub, or [[hubs]] in worker.toml";
    let blocked = |found: String| {
        let mend = [format!("allow outgoing TCP connections to port {port}; nothing needs to come in"), url.to_owned()];
        vec![Finding::fault("network", found, mend)]
    };
    match end {
        End::NoName { reason } => vec![Finding::fault(
            "network",
            format!("the name {host} has no address: {reason}"),
            [format!("check that this machine is online: getent hosts {host}"), url.to_owned()],
        )],
        End::Silence { address } => {
            blocked(format!("{address} does not answer: a firewall drops connections, or the host is off"))
        }
        End::NoRoute { address, reason } => blocked(format!("this machine cannot connect to {address}: {reason}")),
        End::Refused { address } => vec![
            Finding::ok("network", format!("{host} is reached")),
            Finding::fault(
                "hub",
                format!("nothing listens at {address}"),
                ["start the hub: aitbc up, or cargo xtask up", url],
            ),
        ],
        End::NoHub { reason } => vec![
            Finding::ok("network", format!("{host} port {port} is reached")),
            Finding::fault("hub", format!("{hub} does not answer as a hub: {reason}"), no_hub(reason, url)),
        ],
        End::Greeted { identity, protocol_version, ahead_ms, no_delivery } => vec![
            Finding::ok("network", format!("{host} port {port} is reached")),
            match no_delivery {
                Some(reason) => no_results(hub, reason, url),
                None => greeted(hub, &identity.hub_id, *protocol_version),
            },
            clock_finding(*ahead_ms),
        ],
    }
}

fn no_hub(reason: &str, url: &str) -> Vec<String> {
    let lower = reason.to_lowercase();
    let mut mend = Vec::new();
    if ["certificate", "tls", "unknownissuer"].iter().any(|word| lower.contains(word)) {
        mend.push("check this machine's clock, or name the hub's certificates: ca_file in worker.toml".to_owned());
    } else {
        mend.push("a proxy on the way must pass WebSockets (Upgrade: websocket)".to_owned());
    }
    mend.push(url.to_owned());
    mend
}

/// The worker would take jobs and be paid for none.
fn no_results(hub: &str, reason: &str, url: &str) -> Finding {
    let found = format!("{hub} opens a session, but results do not reach it: {reason}");
    Finding::fault("hub", found, ["a proxy on the way must pass posts to the hub, too", url])
}

fn greeted(hub: &str, hub_id: &str, protocol_version: u32) -> Finding {
    if protocol_version == PROTOCOL_VERSION {
        return Finding::ok("hub", format!("{hub_id} at {hub}"));
    }
    let found = format!("{hub} speaks version {protocol_version} of the protocol, this worker {PROTOCOL_VERSION}");
    let older = if protocol_version > PROTOCOL_VERSION { "update gpu-worker" } else { "use an older gpu-worker" };
    Finding::fault("hub", found, [older])
}

/// A worker signs no challenge of a hub that it knows at another URL.
pub fn judge_same(hub: &str, identity: &HubIdentity, others: &[(String, HubIdentity)]) -> Option<Finding> {
    let (other, _) = others.iter().find(|(_, other)| other == identity)?;
    let found =
        format!("{hub} says that it is {}, as {other} does: one of them is not served", quote(&identity.hub_id));
    let mend = ["name one hub once", "or give each hub an id of its own: AITBC_HUB_ID"];
    Some(Finding::fault("hub", found, mend))
}

fn clock_finding(ahead_ms: i64) -> Finding {
    let apart = ahead_ms.unsigned_abs();
    let found = format!("{}.{:03} s {} the hub's", apart / 1_000, apart % 1_000, side(ahead_ms));
    let mend = ["set it by NTP: sudo timedatectl set-ntp true"];
    if apart > CLOCK_SKEW_MAX_MS {
        let found = format!("{found}; the hub believes no receipt further off than {} s", CLOCK_SKEW_MAX_MS / 1_000);
        return Finding::fault("clock", found, mend);
    }
    if apart > CLOCK_COMFORT_MS {
        return Finding::warn("clock", found, mend);
    }
    Finding::ok("clock", found)
}

/// Where this machine's clock is, seen from the hub's.
fn side(hub_ahead_ms: i64) -> &'static str {
    if hub_ahead_ms > 0 { "behind" } else { "ahead of" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 443);

    fn way(end: End) -> Way {
        Way { hub: "https://hub.example".into(), host: "hub.example".into(), port: 443, end }
    }

    fn identity(hub_id: &str) -> HubIdentity {
        let (minter, escrow) = (shared::Address::ZERO, shared::Address::ZERO);
        HubIdentity { hub_id: hub_id.into(), chain_id: 1, minter, escrow }
    }

    #[test]
    fn one_hub_under_two_urls_is_a_fault() {
        let others = [("http://a".to_owned(), identity("one"))];
        assert_eq!(judge_same("http://b", &identity("two"), &others), None);
        let finding = judge_same("http://b", &identity("one"), &others).unwrap();
        assert!(finding.state == State::Fault && finding.found.contains("as http://a does"), "{finding:?}");
    }

    fn greeted(ahead_ms: i64, protocol_version: u32) -> Way {
        way(End::Greeted { identity: identity("h"), protocol_version, ahead_ms, no_delivery: None })
    }

    fn fault(end: End, what: &str, words: &str) {
        let findings = judge(&way(end));
        let fault = findings.iter().find(|finding| finding.state == State::Fault).unwrap();
        let text = format!("{} {}", fault.found, fault.mend.join(" "));
        assert!(fault.what == what && text.contains(words), "{fault:?} lacks {words}");
        assert!(!fault.mend.is_empty());
    }

    #[test]
    fn each_end_of_the_way_has_its_own_words() {
        let reason = || String::from("refused by policy");
        fault(End::NoName { reason: reason() }, "network", "getent hosts hub.example");
        fault(End::Silence { address: ADDRESS }, "network", "allow outgoing TCP connections to port 443");
        fault(End::NoRoute { address: ADDRESS, reason: reason() }, "network", "refused by policy");
        fault(End::Refused { address: ADDRESS }, "hub", "nothing listens at 192.0.2.1:443");
        fault(End::NoHub { reason: "HTTP error: 404".into() }, "hub", "WebSockets");
        fault(End::NoHub { reason: "invalid peer certificate: Expired".into() }, "hub", "clock");
        let half = End::Greeted {
            identity: identity("h"),
            protocol_version: PROTOCOL_VERSION,
            ahead_ms: 0,
            no_delivery: Some(reason()),
        };
        fault(half, "hub", "results do not reach it: refused by policy");
        assert!(judge(&greeted(0, PROTOCOL_VERSION)).iter().all(|finding| finding.state == State::Ok));
        for other in [PROTOCOL_VERSION + 1, 0] {
            let findings = judge(&greeted(0, other));
            assert_eq!(findings[1].state, State::Fault, "{findings:?}");
        }
    }

    #[test]
    fn a_clock_two_minutes_off_is_a_fault_and_ten_seconds_a_warning() {
        for (ahead_ms, state, words) in [
            (30, State::Ok, "0.030 s behind"),
            (-30, State::Ok, "0.030 s ahead of"),
            (-10_001, State::Warn, "10.001 s ahead of"),
            (120_000, State::Warn, "120.000 s"),
            (120_001, State::Fault, "believes no receipt"),
            (i64::MIN, State::Fault, "ahead of"),
        ] {
            let findings = judge(&greeted(ahead_ms, PROTOCOL_VERSION));
            let clock = findings.last().unwrap();
            assert_eq!((clock.what, clock.state), ("clock", state), "{clock:?}");
            assert!(clock.found.contains(words), "{clock:?}");
        }
    }
}
