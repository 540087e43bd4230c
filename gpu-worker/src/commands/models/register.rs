//! One more section `[[models]]` in worker.toml, whose other lines and comments stay as they are.

use crate::config::{Config, ModelConfig};

/// `text` with `model` at its end. An earlier version's `[model]` becomes the first of the list.
///
/// # Errors
/// What is no configuration, before or after.
pub(super) fn with_model(text: &str, model: &ModelConfig) -> Result<String, String> {
    let as_list = |line: &str| if line.trim() == "[model]" { "[[models]]".to_owned() } else { line.to_owned() };
    let lines: Vec<String> = text.lines().map(as_list).collect();
    let section = toml::to_string(model).map_err(|error| error.to_string())?;
    let extended = format!("{}\n\n[[models]]\n{section}", lines.join("\n").trim_end());
    let config: Config = toml::from_str(&extended).map_err(|error| error.to_string())?;
    match config.models.last() {
        Some(last) if last == model => Ok(extended),
        _ => Err("a section [[models]] cannot be added to it".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# The miner's own words.\nhub = \"http://h\"\nkey = \"k\"\n";
    const FIRST: &str = "path = \"/a\"\nunit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 1\n";

    fn model() -> ModelConfig {
        ModelConfig {
            path: "/b".into(),
            unit_price_ait: "0.5".parse().unwrap(),
            measured_micro_units_per_second: 2,
            enabled: true,
        }
    }

    #[test]
    fn a_model_is_added_and_comments_stay() {
        for header in ["[model]", "[[models]]"] {
            let text = format!("{HEAD}\n{header}\n{FIRST}");
            let added = with_model(&text, &model()).unwrap();
            assert!(added.starts_with("# The miner's own words."), "{added}");
            let config: Config = toml::from_str(&added).unwrap();
            let paths: Vec<_> = config.models.iter().map(|model| model.path.to_str().unwrap()).collect();
            assert_eq!(paths, ["/a", "/b"]);
            let thrice = with_model(&added, &model()).unwrap();
            assert_eq!(toml::from_str::<Config>(&thrice).unwrap().models.len(), 3);
        }
    }

    #[test]
    fn what_is_no_configuration_stays_as_it_is() {
        assert!(with_model("colour = 1", &model()).is_err());
        assert!(with_model(&format!("{HEAD}models = []\n"), &model()).is_err());
    }
}
