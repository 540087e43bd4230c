//! `verifysourcecode` and `checkverifystatus`: sources that somebody says a contract was compiled from.

use std::str::FromStr;

use contract_verifier::{CompilerInput, ContractName, SingleFile, VerifyError};

use super::parameters::Parameters;
use super::{Answer, Refused, Source, found};
use crate::verification::{Request, State, VerificationError, VerificationId};

/// The action that takes sources.
pub(super) const SUBMIT: &str = "verifysourcecode";

const STANDARD_JSON: &str = "solidity-standard-json-input";
const SINGLE_FILE: &str = "solidity-single-file";

/// How often the code will run, as the compiler's optimizer estimates it where nothing is said.
pub(super) const RUNS_DEFAULT: u32 = 200;

pub(super) async fn submit(source: &Source, parameters: &Parameters) -> Answer {
    let request = request(parameters)?;
    let id = source.verifications.submit(request, &source.caller).await.map_err(refused)?;
    found(id.to_string())
}

/// The sentences are those that tools look for.
pub(super) fn status(source: &Source, parameters: &Parameters) -> Answer {
    let id: VerificationId = parameters.needed("guid")?;
    match source.verifications.state(id) {
        None => Err(Refused::Parameter("Error! Unknown guid: results are kept for a while only".to_owned())),
        Some(State::Pending) => Err(Refused::Told("Pending in queue".to_owned())),
        Some(State::Verified(_)) => found("Pass - Verified"),
        Some(State::Failed(reason)) => Err(Refused::Told(format!("Fail - Unable to verify: {reason}"))),
    }
}

fn request(parameters: &Parameters) -> Result<Request, Refused> {
    let contract: ContractName = parsed(parameters.word("contractname"))?;
    Ok(Request {
        address: parameters.needed("contractaddress")?,
        input: input(parameters, &contract)?,
        contract,
        compiler: parsed(parameters.word("compilerversion"))?,
        stated_arguments: stated_arguments(parameters).to_owned(),
    })
}

/// Etherscan's own spelling counts too.
fn stated_arguments(parameters: &Parameters) -> &str {
    let names = ["constructorArguments", "constructorArguements"];
    names.into_iter().map(|name| parameters.word(name)).find(|text| !text.is_empty()).unwrap_or_default()
}

fn input(parameters: &Parameters, contract: &ContractName) -> Result<CompilerInput, Refused> {
    let text = parameters.word("sourceCode");
    match parameters.word("codeformat") {
        STANDARD_JSON => CompilerInput::parse(text).map_err(sources),
        SINGLE_FILE | "" => {
            let evm_version = Some(parameters.word("evmversion"));
            let file = SingleFile {
                text,
                optimized: parameters.word("optimizationUsed") == "1",
                runs: parameters.optional("runs")?.unwrap_or(RUNS_DEFAULT),
                evm_version: evm_version.filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("default")),
            };
            CompilerInput::of_one(file, contract).map_err(sources)
        }
        _ => Err(Refused::Parameter(format!("Error! codeformat is {STANDARD_JSON} or {SINGLE_FILE}"))),
    }
}

fn parsed<T: FromStr<Err = VerifyError>>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(sources)
}

fn sources(error: VerifyError) -> Refused {
    Refused::Parameter(format!("Error! {error}"))
}

/// What the node and the store say is judged as for every other action.
pub(super) fn refused(error: VerificationError) -> Refused {
    match error {
        VerificationError::Node(error) => Refused::Node(error),
        VerificationError::Store(error) => Refused::Store(error),
        other => Refused::Told(other.to_string()),
    }
}
