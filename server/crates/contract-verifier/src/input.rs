//! What the compiler is given: sources and settings that a stranger names, checked and written anew.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::VerifyError;

/// Largest input, as JSON.
pub const INPUT_MAX_BYTES: usize = 512 << 10;

/// Most sources of one input.
pub const SOURCE_FILES_MAX: usize = 200;

/// Longest path of a source, and longest name of a contract.
const PATH_MAX_CHARS: usize = 256;

/// Most remappings of import paths.
const REMAPPINGS_MAX: usize = 64;

/// What changes the code. All else would only cost the compiler time, or start programs (`modelChecker`).
const SETTINGS: [&str; 7] = ["debug", "evmVersion", "libraries", "metadata", "optimizer", "remappings", "viaIR"];

/// What is read, and not used: the server asks the compiler for what it compares.
const IGNORED_SETTINGS: [&str; 1] = ["outputSelection"];

/// Name of the one file of a caller who names none.
const SINGLE_FILE: &str = "contract.sol";

/// What the compiler gives for the contract that is asked for.
const OUTPUTS: [&str; 6] = [
    "abi",
    "evm.bytecode.object",
    "evm.bytecode.linkReferences",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.linkReferences",
    "evm.deployedBytecode.immutableReferences",
];

/// A contract in the sources: `src/Token.sol:Token`, or `Token` where one source alone has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractName {
    pub file: Option<String>,
    pub name: String,
}

impl FromStr for ContractName {
    type Err = VerifyError;

    fn from_str(text: &str) -> Result<Self, VerifyError> {
        let (file, name) = match text.rsplit_once(':') {
            Some((file, name)) => (Some(file), name),
            None => (None, text),
        };
        let is_name = !name.is_empty()
            && !text.contains(char::is_control)
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$'));
        if !is_name || text.chars().count() > PATH_MAX_CHARS || file.is_some_and(str::is_empty) {
            return Err(VerifyError::ContractName(text.chars().take(PATH_MAX_CHARS).collect()));
        }
        Ok(Self { file: file.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for ContractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}:{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One source in the form that has no settings of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SingleFile<'a> {
    pub text: &'a str,
    pub optimized: bool,
    /// How often the code will run, as the optimizer estimates it.
    pub runs: u32,
    /// The compiler's default where absent.
    pub evm_version: Option<&'a str>,
}

/// Sources by their path, and the settings that change the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompilerInput {
    pub sources: BTreeMap<String, String>,
    pub settings: Map<String, Value>,
}

impl CompilerInput {
    /// A standard JSON input as compilers and tools write it.
    ///
    /// # Errors
    /// What is too large, is no text, would be fetched from elsewhere, or changes no code.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        bounded("bytes of sourceCode", INPUT_MAX_BYTES, text.len())?;
        // Etherscan's tools put a second pair of braces around it.
        let text = text.trim();
        let inner =
            text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(|inner| format!("{{{inner}}}"));
        let given: Given = serde_json::from_str(inner.as_deref().unwrap_or(text))
            .map_err(|error| VerifyError::NotJson(error.to_string()))?;
        if given.language != "Solidity" {
            return Err(VerifyError::Language(given.language.chars().take(PATH_MAX_CHARS).collect()));
        }
        let sources = given.sources.into_iter().map(source).collect::<Result<_, _>>()?;
        Self::checked(sources, given.settings)
    }

    /// One file.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_one(file: SingleFile<'_>, name: &ContractName) -> Result<Self, VerifyError> {
        bounded("bytes of sourceCode", INPUT_MAX_BYTES, file.text.len())?;
        let path = name.file.clone().unwrap_or_else(|| SINGLE_FILE.to_owned());
        let mut settings = Map::new();
        settings.insert("optimizer".to_owned(), json!({ "enabled": file.optimized, "runs": file.runs }));
        if let Some(version) = file.evm_version {
            settings.insert("evmVersion".to_owned(), version.into());
        }
        Self::checked(BTreeMap::from([(path, file.text.to_owned())]), settings)
    }

    fn checked(sources: BTreeMap<String, String>, settings: Map<String, Value>) -> Result<Self, VerifyError> {
        bounded("sources", SOURCE_FILES_MAX, sources.len())?;
        for path in sources.keys() {
            bounded("characters of a source's path", PATH_MAX_CHARS, path.chars().count())?;
            if path.contains(char::is_control) {
                return Err(VerifyError::Path(path.escape_debug().to_string()));
            }
        }
        let mut taken = Map::new();
        for (name, value) in settings {
            if SETTINGS.contains(&name.as_str()) {
                taken.insert(name, value);
            } else if !IGNORED_SETTINGS.contains(&name.as_str()) {
                let name = name.chars().take(PATH_MAX_CHARS).collect();
                return Err(VerifyError::Setting { name, taken: SETTINGS.join(", ") });
            }
        }
        let remappings = taken.get("remappings").and_then(Value::as_array).map_or(0, Vec::len);
        bounded("settings.remappings", REMAPPINGS_MAX, remappings)?;
        Ok(Self { sources, settings: taken })
    }

    /// What the compiler reads from its standard input.
    pub fn for_compiler(&self, contract: &ContractName) -> String {
        let file = contract.file.as_deref().unwrap_or("*");
        let selection = json!({ file: { &contract.name: OUTPUTS } });
        let mut settings = self.settings.clone();
        settings.insert("outputSelection".to_owned(), selection);
        self.written(&settings)
    }

    /// The same as a caller would write it.
    pub fn to_standard_json(&self) -> String {
        self.written(&self.settings)
    }

    fn written(&self, settings: &Map<String, Value>) -> String {
        let sources: Map<String, Value> =
            self.sources.iter().map(|(path, text)| (path.clone(), json!({ "content": text }))).collect();
        json!({ "language": "Solidity", "sources": sources, "settings": settings }).to_string()
    }
}

/// A standard JSON input as it is given.
#[derive(Deserialize)]
struct Given {
    language: String,
    sources: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    settings: Map<String, Value>,
}

fn source((path, given): (String, Map<String, Value>)) -> Result<(String, String), VerifyError> {
    match given.get("content") {
        Some(Value::String(text)) => Ok((path, text.clone())),
        _ => {
            let names: Vec<&str> = given.keys().map(String::as_str).collect();
            let given = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            let quoted = |text: &str| text.chars().take(PATH_MAX_CHARS).collect();
            Err(VerifyError::NoContent { path: quoted(&path), given: quoted(&given) })
        }
    }
}

fn bounded(what: &'static str, bound: usize, given: usize) -> Result<(), VerifyError> {
    if given > bound { Err(VerifyError::TooMuch { what, bound, given }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(settings: Value) -> Value {
        json!({"language": "Solidity", "sources": {"a.sol": {"content": "contract A {}"}}, "settings": settings})
    }

    fn refused(value: &Value) -> String {
        CompilerInput::parse(&value.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn settings_that_change_the_code_are_kept_and_the_servers_own_question_is_asked() {
        let given = input(json!({
            "optimizer": {"enabled": true, "runs": 7}, "evmVersion": "cancun",
            "outputSelection": {"*": {"*": ["*"], "": ["ast"]}},
        }));
        let read = CompilerInput::parse(&given.to_string()).unwrap();
        assert_eq!(read, CompilerInput::parse(&format!("{{{given}}}")).unwrap(), "two pairs of braces");
        let name: ContractName = "a.sol:A".parse().unwrap();
        let asked: Value = serde_json::from_str(&read.for_compiler(&name)).unwrap();
        assert_eq!(asked["settings"]["optimizer"]["runs"], 7);
        assert_eq!(asked["settings"]["outputSelection"], json!({"a.sol": {"A": OUTPUTS}}));
        let kept: Value = serde_json::from_str(&read.to_standard_json()).unwrap();
        assert_eq!(kept["settings"].get("outputSelection"), None);
        assert_eq!(CompilerInput::parse(&read.to_standard_json()).unwrap(), read);
    }

    #[test]
    fn what_would_be_fetched_started_or_is_too_much_is_refused_by_name() {
        let fetched = json!({"language": "Solidity", "sources": {"a.sol": {"urls": ["/etc/passwd"]}}});
        assert!(refused(&fetched).contains("a.sol has urls"), "{}", refused(&fetched));
        assert!(
            refused(&input(json!({"modelChecker": {"engine": "all"}})))
                .starts_with("settings.modelChecker is not taken")
        );
        assert!(refused(&input(json!({"stopAfter": "parsing"}))).contains("stopAfter"));
        assert!(refused(&json!({"language": "Yul", "sources": {}})).contains("got Yul"));
        assert!(refused(&json!({"language": "Solidity"})).contains("sources"));
        let giant = "x".repeat(INPUT_MAX_BYTES + 1);
        assert!(CompilerInput::parse(&giant).unwrap_err().to_string().contains(&format!("up to {INPUT_MAX_BYTES}")));
        let many: Map<String, Value> =
            (0..=SOURCE_FILES_MAX).map(|at| (at.to_string(), json!({"content": ""}))).collect();
        assert!(refused(&json!({"language": "Solidity", "sources": many})).contains("got 201"));
        let long = json!({"language": "Solidity", "sources": {"p".repeat(300): {"content": ""}}});
        assert!(refused(&long).contains("path"));
        let control = json!({"language": "Solidity", "sources": {"a\0.sol": {"content": ""}}});
        assert!(refused(&control).contains("a\\0.sol"), "{}", refused(&control));
        let deep = format!(
            "{{\"language\":\"Solidity\",\"sources\":{{}},\"settings\":{{\"debug\":{}{}}}}}",
            "[".repeat(500),
            "]".repeat(500)
        );
        assert!(matches!(CompilerInput::parse(&deep), Err(VerifyError::NotJson(_))));
        let remapped = input(json!({"remappings": vec!["a=b"; 65]}));
        assert!(refused(&remapped).contains("remappings"));
    }

    #[test]
    fn a_contract_is_named_alone_or_behind_its_path() {
        let name: ContractName = "src/a:b/C.sol:C_1$".parse().unwrap();
        assert_eq!((name.file.as_deref(), name.name.as_str()), (Some("src/a:b/C.sol"), "C_1$"));
        assert_eq!("C".parse::<ContractName>().unwrap().file, None);
        for wrong in ["", "a.sol:", ":C", "a.sol:C D", "<b>", &"x".repeat(300)] {
            assert!(wrong.parse::<ContractName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_file_has_the_settings_of_the_form() {
        let file = SingleFile { text: "contract A {}", optimized: true, runs: 9, evm_version: Some("cancun") };
        let input = CompilerInput::of_one(file, &"A".parse().unwrap()).unwrap();
        assert_eq!(input.sources.keys().collect::<Vec<_>>(), ["contract.sol"]);
        assert_eq!(
            Value::Object(input.settings),
            json!({"optimizer": {"enabled": true, "runs": 9}, "evmVersion": "cancun"})
        );
    }
}
