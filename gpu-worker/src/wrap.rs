//! Lines of bounded width, for people.

/// Cuts a text between words into lines of `columns`; a longer word has a line of its own.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_goes_on_in_the_next_line() {
        let text = "word ".repeat(40);
        let lines = wrapped(&text, 64);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 64));
        assert_eq!(lines.join(" "), text.trim());
        assert_eq!(wrapped("", 64), [""]);
        assert_eq!(wrapped("a-word-that-is-too-long b", 4), ["a-word-that-is-too-long", "b"]);
    }
}
