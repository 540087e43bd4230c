//! A node alone on a development chain: `cargo run -p node --example node -- --data DIR --port 8545`.
//!
//! Its validator and attester is a development key that everybody can know. Nothing of value belongs on such a chain.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use contracts::{EscrowFee, GenesisParameters, UnitPriceLimit};
use k256::ecdsa::SigningKey;
use node::chain::{ValidatorKey, ValidatorSet};
use node::{MeteredListener, Node, NodeConfig, Socket, development_genesis, router};

/// The publicly known private key of this example.
const DEV_KEY: [u8; 32] = [0xd5; 32];

const ATTO_PER_AIT: u128 = 1_000_000_000_000_000_000;

#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the chain's database.
    #[arg(long)]
    data: PathBuf,
    /// Port on the loopback interface; 0 takes a free one.
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// Gas one sender may ask for in a minute.
    #[arg(long)]
    sender_gas_per_minute: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.data).context("data folder")?;
    let validator = ValidatorKey::new(SigningKey::from_slice(&DEV_KEY)?);
    let parameters = GenesisParameters {
        admin: validator.address(),
        attesters: vec![validator.address()],
        attester_threshold: 1,
        epoch_seconds: 24 * 60 * 60,
        epoch_cap_atto: 1_000_000 * ATTO_PER_AIT,
        provider_epoch_cap_atto: 1_000_000 * ATTO_PER_AIT,
        hold_seconds: 0,
        max_unit_prices: vec![UnitPriceLimit {
            unit_type: "megapixel_step".to_owned(),
            max_unit_price_atto: 10 * ATTO_PER_AIT,
        }],
        escrow_fee: EscrowFee::to_one(validator.address(), 200),
    };
    let genesis = development_genesis(ValidatorSet::single(validator.address()), &parameters);
    let mut config = NodeConfig::new(arguments.data.join("chain.redb"), genesis, validator);
    if let Some(gas) = arguments.sender_gas_per_minute {
        config.pool_limits.max_gas_per_sender_per_minute = gas;
        config.pool_limits.strangers_arrival_bytes = node::Rate::UNLIMITED;
        config.stranger_rates = node::StrangerRates::UNLIMITED;
    }
    let node = Node::start(config)?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    tracing::info!("JSON-RPC at http://{}/rpc", listener.local_addr()?);
    let service = router(node.handle())?.into_make_service_with_connect_info::<Socket>();
    axum::serve(MeteredListener(listener), service)
        .with_graceful_shutdown(async {
            // Without a signal handler the node ends at once. That loses nothing either.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    tokio::task::spawn_blocking(move || node.shutdown()).await??;
    Ok(())
}
