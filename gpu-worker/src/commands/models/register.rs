//! A section `[[models]]` more in worker.toml, or another price in one; other lines and comments stay as they are.

use shared::amount::Amount;

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

/// `text` with another price for the model at `place` of the list.
///
/// # Errors
/// What is no configuration, and a price that is not on a line of its own.
pub(super) fn with_price(text: &str, place: usize, unit_price: Amount) -> Result<String, String> {
    let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.to_string());
    let mut wanted = read(text)?;
    wanted.models.get_mut(place).ok_or("it has no such model")?.unit_price_ait = unit_price;
    let (mut sections, mut section) = (0, None);
    let lines = text.lines().map(|line| {
        let begins = line.trim_start();
        if begins.starts_with('[') {
            let is_model = ["[[models]]", "[model]"].iter().any(|header| begins.starts_with(header));
            section = is_model.then_some(sections);
            sections += usize::from(is_model);
        }
        let is_price = line.split_once('=').is_some_and(|(key, _)| key.trim() == "unit_price_ait");
        if is_price && section == Some(place) { format!("unit_price_ait = \"{unit_price}\"") } else { line.to_owned() }
    });
    let changed = format!("{}\n", lines.collect::<Vec<_>>().join("\n"));
    if read(&changed)? == wanted { Ok(changed) } else { Err("its price cannot be changed there".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# The miner's own words.\nkey = \"k\"\n[[hubs]]\nurl = \"http://h\"\n";
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
    fn one_price_changes_and_nothing_else() {
        let second = "[[models]]\npath = \"/b\"\nunit_price_ait = \"2\"\nmeasured_micro_units_per_second = 1\n";
        let text = format!("{HEAD}\n[[models]]\n{FIRST}# its own words\n\n[status]\n\n{second}");
        let price = |text: &str| text.parse::<Amount>().unwrap();
        let changed = with_price(&text, 1, price("3")).unwrap();
        assert_eq!(changed, text.replace("\"2\"", "\"3\""));
        let changed = with_price(&text, 0, price("3")).unwrap();
        assert_eq!(changed, text.replace("\"0.25\"", "\"3\""));
        assert!(with_price(&text, 2, price("3")).is_err());
        let inline = format!(
            "{HEAD}models = [{{ path = \"/a\", unit_price_ait = \"1\", measured_micro_units_per_second = 1 }}]\n"
        );
        assert!(with_price(&inline, 0, price("3")).is_err(), "a price that is on no line of its own");
    }

    #[test]
    fn what_is_no_configuration_stays_as_it_is() {
        assert!(with_model("colour = 1", &model()).is_err());
        assert!(with_model(&format!("{HEAD}models = []\n"), &model()).is_err());
    }
}
