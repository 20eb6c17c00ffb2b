//! What upstreams have counted so far: a table that is drawn again and again, and lines for where nothing is drawn twice.

use anstyle::Style;
use record::{KeyCounts, UpstreamCounts};

use super::layout::{cut, pad, pad_left, width};
use super::palette::{Palette, paint};
use crate::clean;

/// The longest name and address that are shown whole.
const NAME: usize = 20;
const ADDRESS: usize = 32;

/// In less room than this the port alone stands for an address, so that keys have some.
const NARROW: usize = 100;

/// So many keys stand in a line of words.
const LISTED: usize = 16;

/// Less room than for a letter and an ellipsis is none.
const LEAST: usize = 2;

/// What stands between two columns.
const GAP: &str = "  ";

/// A table of at most so many columns: a line of headings, and a line for each upstream.
#[must_use]
pub fn upstream_table(upstreams: &[UpstreamCounts], columns: usize, palette: &Palette) -> Vec<String> {
    let headings = ["upstream", "address", "requests", "open", "peak", "429", "errors", "keys"];
    let headings = headings.map(|heading| (heading.to_owned(), palette.quiet));
    let mut rows = vec![headings];
    rows.extend(upstreams.iter().map(|counts| row(counts, columns < NARROW, palette)));
    // The keys behind the last column take what room there is.
    let widths: [usize; 7] = std::array::from_fn(|column| {
        rows.iter().map(|cells| width(&cells[column].0)).max().unwrap_or_default()
    });
    let keys = std::iter::once(&[][..]).chain(upstreams.iter().map(|counts| &counts.keys[..]));
    rows.iter().zip(keys).map(|(cells, keys)| line(cells, &widths, keys, (columns, palette))).collect()
}

/// What an upstream has counted, as a line of words, with the keys that were used.
#[must_use]
pub fn upstream_line(counts: &UpstreamCounts) -> String {
    let UpstreamCounts { requests, open, peak, limited, errors, .. } = counts;
    let name = clean::line(&counts.name);
    let plural = |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let (requests, errors) = (plural(*requests, "request"), plural(*errors, "other error"));
    let mut text = format!("{name}: {requests}, {open} open (peak {peak}), {limited} x 429, {errors}");
    let mut lead = "; ";
    let used: Vec<&KeyCounts> = counts.keys.iter().filter(|key| key.requests > 0).collect();
    for key in used.iter().take(LISTED) {
        text.push_str(&format!("{lead}{}", shown(key)));
        lead = ", ";
    }
    text.push_str(&used.len().checked_sub(LISTED + 1).map_or_else(String::new, |left| more(left + 1)));
    text
}

type Cell = (String, Style);

fn row(counts: &UpstreamCounts, is_narrow: bool, palette: &Palette) -> [Cell; 8] {
    let plain = Style::new();
    let address = counts.address.split_once("://").map_or(counts.address.as_str(), |(_, address)| address);
    let port = address.rfind(':').filter(|_| is_narrow).unwrap_or_default();
    let address = &address[port..];
    let number =
        |count: u64, style: Style| (count.to_string(), if count > 0 { style } else { palette.quiet });
    [
        (cut(&counts.name, NAME), palette.strong),
        (cut(address, ADDRESS), plain),
        number(counts.requests, plain),
        number(counts.open, palette.good),
        number(counts.peak, plain),
        number(counts.limited, palette.doubt),
        number(counts.errors, palette.bad),
        (String::new(), plain),
    ]
}

/// A line of cells, cut where the room ends.
fn line(
    cells: &[Cell; 8],
    widths: &[usize; 7],
    keys: &[KeyCounts],
    (columns, palette): (usize, &Palette),
) -> String {
    let (mut text, mut room) = (String::new(), columns);
    for (column, ((cell, style), wide)) in cells.iter().zip(widths).enumerate() {
        let padded = if column < 2 { pad(cell, *wide) } else { pad_left(cell, *wide) };
        let shown = cut(&padded, room);
        room = room.saturating_sub(width(&shown));
        text.push_str(&paint(*style, shown));
        if room < GAP.len() + LEAST {
            return text;
        }
        text.push_str(GAP);
        room -= GAP.len();
    }
    let (heading, style) = &cells[7];
    text.push_str(&paint(*style, cut(heading, room)));
    text.push_str(&listed(keys, room, palette));
    text
}

/// As many keys as there is room for, and how many more there are.
fn listed(keys: &[KeyCounts], mut room: usize, palette: &Palette) -> String {
    let mut text = String::new();
    for (place, key) in keys.iter().enumerate() {
        let (name, lead) = (shown(key), if place == 0 { "" } else { ", " });
        let left = keys.len() - place - 1;
        let rest = if left == 0 { 0 } else { more(left).len() };
        let taken = lead.len() + width(&name);
        if taken + rest > room {
            let left = more(left + 1);
            let left = if place == 0 { left.trim_start() } else { &left };
            text.push_str(&paint(palette.quiet, cut(left, room)));
            break;
        }
        room -= taken;
        let style = match key {
            KeyCounts { limited: 1.., .. } => palette.doubt,
            KeyCounts { requests: 0, .. } => palette.quiet,
            _ => Style::new(),
        };
        text.push_str(&format!("{lead}{}", paint(style, name)));
    }
    text
}

fn more(keys: usize) -> String {
    format!(" +{keys}")
}

fn shown(key: &KeyCounts) -> String {
    let limited = if key.limited > 0 { format!(" ({}x429)", key.limited) } else { String::new() };
    format!("{} {}{limited}", clean::line(&key.label), key.requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(label: &str, requests: u64, limited: u64) -> KeyCounts {
        KeyCounts { label: label.to_owned(), requests, limited }
    }

    fn counted() -> Vec<UpstreamCounts> {
        let busy = UpstreamCounts {
            name: "openai".to_owned(),
            address: "http://127.0.0.1:9001".to_owned(),
            requests: 1_207,
            open: 3,
            peak: 12,
            limited: 3,
            errors: 1,
            keys: vec![key("first", 12, 3), key("second", 1_195, 0), key("third", 0, 0)],
        };
        let idle = UpstreamCounts {
            name: "a\u{1b}[31m".to_owned(),
            address: "http://127.0.0.1:9002".to_owned(),
            ..UpstreamCounts::default()
        };
        vec![busy, idle]
    }

    #[test]
    fn keys_take_the_room_that_there_is() {
        let drawn = |columns| upstream_table(&counted(), columns, &Palette::plain());
        assert_eq!(
            drawn(120),
            [
                "upstream     address         requests  open  peak  429  errors  keys",
                "openai       127.0.0.1:9001      1207     3    12    3       1  first 12 (3x429), second 1195, third 0",
                "a\\u{1b}[31m  127.0.0.1:9002         0     0     0    0       0  ",
            ]
        );
        assert_eq!(
            drawn(80),
            [
                "upstream     address  requests  open  peak  429  errors  keys",
                "openai       :9001        1207     3    12    3       1  first 12 (3x429) +2",
                "a\\u{1b}[31m  :9002           0     0     0    0       0  ",
            ]
        );
        assert_eq!(drawn(70)[1], "openai       :9001        1207     3    12    3       1  +3");
        for columns in LEAST..130 {
            assert!(drawn(columns).iter().all(|line| width(line) <= columns), "{columns}");
        }
    }

    #[test]
    fn a_line_of_words_tells_the_same() {
        let [busy, idle] = &counted()[..] else { panic!("two") };
        let told =
            "openai: 1207 requests, 3 open (peak 12), 3 x 429, 1 other error; first 12 (3x429), second 1195";
        assert_eq!(upstream_line(busy), told);
        assert_eq!(upstream_line(idle), "a\\u{1b}[31m: 0 requests, 0 open (peak 0), 0 x 429, 0 other errors");
    }
}
