//! Tables for people: columns as wide as their widest cell. A cell may hold what a stranger wrote, which must not steer the terminal.

/// Prints rows under their headings.
pub(super) fn print<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    println!("{}", render(headings, rows));
}

fn render<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let rows: Vec<[String; N]> = rows.iter().map(|row| std::array::from_fn(|column| printable(&row[column]))).collect();
    let lines = || std::iter::once(&headings).chain(&rows);
    let width = |column: usize| lines().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let render_row = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines().map(render_row).collect::<Vec<_>>().join("\n")
}

fn printable(cell: &str) -> String {
    cell.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "long cell".to_owned()], ["bcd".to_owned(), String::new()]];
        assert_eq!(render(["X", "Y"], &rows), "X    Y\na    long cell\nbcd");
    }

    #[test]
    fn a_cell_neither_steers_the_terminal_nor_begins_a_row() {
        let rows = [["\u{1b}]52;c;x\u{7}\nforged".to_owned()]];
        assert_eq!(render(["X"], &rows), "X\n\u{fffd}]52;c;x\u{fffd}\u{fffd}forged");
    }
}
