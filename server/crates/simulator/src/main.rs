//! `cargo xtask soak economics`: what each strategy earns, as a table.
#![expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]

use std::process::ExitCode;

use hub::board::BoardError;
use simulator::table::{Row, render};
use simulator::{ParameterError, Parameters, Strategy};

const USAGE: &str = "\
usage: simulator [--seeds N] [--first-seed N] [--days N] [--honest N] [--load N] [--cost N] [--paid N]
                 [--dealer-addresses N] [--sybil-keys N] [--leaked N]

  --seeds N             seeds to run each strategy with, from --first-seed on (3, from 1 on)
  --days N              days of work
  --honest N            honest machines
  --load N              work that is asked for, in thousandths of what all machines can compute
  --cost N              what a result costs its miner, in thousandths of its price
  --paid N              jobs that are paid from escrow, in thousandths
  --dealer-addresses N  network addresses of a self-dealer
  --sybil-keys N        keys that lie from the start, connected at once
  --leaked N            results that an auditor can read although they are withheld, in thousandths";

/// Most seeds of one table.
const SEEDS_MAX: u64 = 10_000;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}\n{USAGE}")]
    Arguments(#[from] lexopt::Error),
    #[error("{0}")]
    Parameter(#[from] ParameterError),
    #[error("the board refused an input, so the simulation has a fault: {0}")]
    Board(#[from] BoardError),
}

struct Options {
    parameters: Parameters,
    first_seed: u64,
    seeds: u64,
}

impl Options {
    /// `None` where the usage is asked for.
    fn parse(arguments: &mut lexopt::Parser) -> Result<Option<Self>, Error> {
        let mut options = Self { parameters: Parameters::default(), first_seed: 1, seeds: 3 };
        let parameters = &mut options.parameters;
        while let Some(argument) = arguments.next()? {
            let value = match argument {
                lexopt::Arg::Long("seeds") => &mut options.seeds,
                lexopt::Arg::Long("first-seed") => &mut options.first_seed,
                lexopt::Arg::Long("days") => &mut parameters.days,
                lexopt::Arg::Long("honest") => &mut parameters.honest,
                lexopt::Arg::Long("load") => &mut parameters.load_per_mille,
                lexopt::Arg::Long("cost") => &mut parameters.cost_per_mille,
                lexopt::Arg::Long("paid") => &mut parameters.paid_per_mille,
                lexopt::Arg::Long("dealer-addresses") => &mut parameters.dealer_addresses,
                lexopt::Arg::Long("sybil-keys") => &mut parameters.sybil_keys,
                lexopt::Arg::Long("leaked") => &mut parameters.leaked_per_mille,
                lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            };
            *value = lexopt::ValueExt::parse(&arguments.value()?)?;
        }
        options.parameters = options.parameters.check()?;
        if !(1..=SEEDS_MAX).contains(&options.seeds) {
            return Err(ParameterError { name: "seeds", least: 1, most: SEEDS_MAX, got: options.seeds }.into());
        }
        Ok(Some(options))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing wins but what `docs/ECONOMICS.md` names.
fn run() -> Result<bool, Error> {
    let Some(Options { parameters, first_seed, seeds }) = Options::parse(&mut lexopt::Parser::from_env())? else {
        println!("{USAGE}");
        return Ok(true);
    };
    let seeds: Vec<u64> = (0..seeds).map(|number| first_seed.wrapping_add(number)).collect();
    println!("{parameters:?}, {} seeds from {first_seed} on\n", seeds.len());
    let rows: Vec<Row> = Strategy::ALL
        .iter()
        .map(|strategy| Row::of(&parameters, *strategy, &seeds))
        .collect::<Result<_, BoardError>>()?;
    println!("{}", render(&rows));
    let winners: Vec<Strategy> = rows.iter().filter(|row| row.wins()).map(|row| row.strategy).collect();
    for winner in &winners {
        println!("{} earns more than honest work", winner.name());
    }
    Ok(winners.iter().all(|winner| Strategy::STILL_PAYS.contains(winner)))
}
