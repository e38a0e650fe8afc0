//! A small table: columns as wide as their widest cell, two blanks between them.
use super::out::Out;
use super::out::Paint;

/// A cell and its colour.
pub struct Cell(pub String, pub Paint);

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(text.into(), Paint::Plain)
    }
}

/// `N` columns with a heading each.
pub struct Table<const N: usize> {
    heads: [&'static str; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub fn new(heads: [&'static str; N]) -> Self {
        Self { heads, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn render(&self, out: &Out<'_>) -> String {
        let mut widths = self.heads.map(|head| head.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.0.chars().count());
            }
        }
        let heads = self.heads.map(|head| Cell(head.to_owned(), Paint::Faint));
        std::iter::once(&heads).chain(&self.rows).map(|row| line(row, &widths, out)).collect()
    }
}

fn line<const N: usize>(row: &[Cell; N], widths: &[usize; N], out: &Out<'_>) -> String {
    let mut text = String::new();
    // Blanks go in front of the next cell, so that no line ends in them.
    let mut gap = 0usize;
    for (cell, width) in row.iter().zip(widths) {
        if !cell.0.is_empty() {
            text.push_str(&" ".repeat(gap));
            text.push_str(&out.paint(cell.1, &cell.0));
            gap = 0;
        }
        gap = gap.saturating_add(width.saturating_sub(cell.0.chars().count())).saturating_add(2);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_a_blank() {
        let mut write = Vec::new();
        let out = Out { write: &mut write, json: false, colour: false };
        let mut table = Table::new(["A", "STATE", "C"]);
        table.row(["1".into(), "".into(), "x".into()]);
        table.row(["222".into(), "Ünï".into(), "".into()]);
        assert_eq!(table.render(&out), "A    STATE  C\n1           x\n222  Ünï\n");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut write = Vec::new();
        let out = Out { write: &mut write, json: false, colour: true };
        let mut table = Table::new(["A", "B"]);
        table.row([Cell("bad".into(), Paint::Bad), "x".into()]);
        assert!(table.render(&out).ends_with("\u{1b}[31mbad\u{1b}[0m  x\n"));
    }
}
