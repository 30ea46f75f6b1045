//! Puts what stands on a label in its place: free text at the top, data in clear in the middle, the SSCC at the bottom.
//!
//! Data is never cut: a long lot becomes narrower and, when that is not enough, smaller. Free text that does not fit ends in
//! an ellipsis.

use crate::drawing::{Bars, Drawing, Mark, Text};
use crate::label::{Datum, Label, Party};
use crate::paper::Paper;
use crate::type_face::{Face, Weight};
use crate::{LabelError, Um, bars, mm};

/// Height of the bars: GS1 asks for 31.75 mm at least.
pub const BARS_HEIGHT: Um = mm(32);
/// Height of data in clear: GS1 asks for 7 mm at least.
pub const DATA_HEIGHT: Um = mm(7);
/// Modules of white on both sides of the bars.
pub const QUIET_MODULES: i32 = 10;

const MARGIN: Um = mm(4);
const GAP: Um = mm(3);
const TITLE_HEIGHT: Um = 2_200;
const ROW: Um = 13_200;
const NAME_HEIGHT: Um = 3_200;
const WORDS_HEIGHT: Um = 2_600;
const WORDS_LINE: Um = 4_600;
const UNDER_BARS_HEIGHT: Um = 3_200;
/// The narrowest letters that are still read well: of data, and of words, in percent.
const NARROWEST_DATA: i32 = 50;
const NARROWEST_WORDS: i32 = 75;

/// Lays labels out on one size of paper.
pub struct Layout {
    paper: Paper,
    regular: Face,
    bold: Face,
}

impl Layout {
    /// Reads the fonts once for all labels.
    pub fn new(paper: Paper) -> Result<Self, LabelError> {
        Ok(Self { paper, regular: Face::new(Weight::Regular)?, bold: Face::new(Weight::Bold)? })
    }

    /// The face of that weight.
    pub const fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// One label.
    pub fn place(&self, label: &Label) -> Result<Drawing, LabelError> {
        let (width, height) = self.paper.size();
        let mut marks = Vec::new();
        let bars_top = self.barcode(&mut marks, label)?;
        let data_top = self.data(&mut marks, label, bars_top - GAP);
        self.parties(&mut marks, label, data_top - GAP);
        Ok(Drawing { width, height, marks })
    }

    fn inner_width(&self) -> Um {
        self.paper.size().0 - 2 * MARGIN
    }

    /// The lowest section. Gives its upper edge.
    fn barcode(&self, marks: &mut Vec<Mark>, label: &Label) -> Result<Um, LabelError> {
        let (width, height) = self.paper.size();
        let mut code = Bars {
            x: 0,
            y: height - MARGIN - UNDER_BARS_HEIGHT - 1_500 - BARS_HEIGHT,
            height: BARS_HEIGHT,
            module: self.paper.module(),
            modules: bars::sscc(&label.sscc)?,
            sscc: label.sscc.clone(),
        };
        code.x = (width - code.width()) / 2;
        let size = self.bold.size_for_capitals(UNDER_BARS_HEIGHT);
        let text = format!("(00) {}", label.sscc);
        let x = (width - self.bold.width(&text, size)) / 2;
        let top = code.y;
        marks.push(Mark::Bars(code));
        marks.push(Mark::Text(Text {
            x,
            baseline: height - MARGIN,
            size,
            width_percent: 100,
            weight: Weight::Bold,
            text,
        }));
        Ok(top)
    }

    /// The middle section, ending above `bottom`: the SSCC over the whole width, the rest in two columns. Gives its upper edge.
    fn data(&self, marks: &mut Vec<Mark>, label: &Label, bottom: Um) -> Um {
        let pairs: Vec<&[Datum]> = label.data.chunks(2).collect();
        let rows = Um::try_from(pairs.len()).unwrap_or(Um::MAX).saturating_add(1);
        let top = bottom - rows * ROW;
        self.rule(marks, bottom);
        let sscc = Datum { title: "SSCC", value: label.sscc.clone() };
        self.datum(marks, &sscc, MARGIN, top, self.inner_width());
        let half = (self.inner_width() - GAP) / 2;
        for (at, pair) in (1..).zip(pairs) {
            for (x, datum) in [MARGIN, MARGIN + half + GAP].into_iter().zip(pair) {
                self.datum(marks, datum, x, top + at * ROW, half);
            }
        }
        top
    }

    fn rule(&self, marks: &mut Vec<Mark>, y: Um) {
        marks.push(Mark::Rule { x: MARGIN, y, width: self.inner_width(), height: 300 });
    }

    fn datum(&self, marks: &mut Vec<Mark>, datum: &Datum, x: Um, top: Um, width: Um) {
        let title_size = self.regular.size_for_capitals(TITLE_HEIGHT);
        marks.push(self.words(datum.title, x, top + TITLE_HEIGHT, title_size, Weight::Regular, width));
        let natural = self.bold.size_for_capitals(DATA_HEIGHT);
        let percent = percent_that_fits(self.bold.width(&datum.value, natural), width);
        let (size, width_percent) = if percent < NARROWEST_DATA {
            (natural * percent.max(1) / NARROWEST_DATA, NARROWEST_DATA)
        } else {
            (natural, percent)
        };
        marks.push(Mark::Text(Text {
            x,
            baseline: top + TITLE_HEIGHT + 1_300 + DATA_HEIGHT,
            size,
            width_percent,
            weight: Weight::Bold,
            text: datum.value.clone(),
        }));
    }

    /// The upper section, ending above `bottom`.
    fn parties(&self, marks: &mut Vec<Mark>, label: &Label, bottom: Um) {
        self.rule(marks, bottom);
        let half = (self.inner_width() - GAP) / 2;
        let remark_size = self.regular.size_for_capitals(WORDS_HEIGHT);
        let remark_line = bottom - 2_000;
        marks.push(self.words(&label.remark, MARGIN, remark_line, remark_size, Weight::Regular, self.inner_width()));
        let last = remark_line - WORDS_LINE;
        self.party(marks, "FROM", &label.from, MARGIN, half, last);
        self.party(marks, "TO", &label.to, MARGIN + half + GAP, half, last);
    }

    fn party(&self, marks: &mut Vec<Mark>, title: &str, party: &Party, x: Um, width: Um, last: Um) {
        let title_size = self.regular.size_for_capitals(TITLE_HEIGHT);
        let mut baseline = MARGIN + TITLE_HEIGHT;
        marks.push(self.words(title, x, baseline, title_size, Weight::Regular, width));
        baseline += 1_000;
        let heights =
            [(Weight::Bold, NAME_HEIGHT)].into_iter().chain(std::iter::repeat((Weight::Regular, WORDS_HEIGHT)));
        for (line, (weight, height)) in party.lines.iter().filter(|line| !line.trim().is_empty()).zip(heights) {
            baseline += WORDS_LINE;
            if baseline > last {
                break;
            }
            marks.push(self.words(line, x, baseline, self.face(weight).size_for_capitals(height), weight, width));
        }
    }

    /// Free text: narrower where it must be, and shortened where that is not enough.
    fn words(&self, text: &str, x: Um, baseline: Um, size: Um, weight: Weight, width: Um) -> Mark {
        let face = self.face(weight);
        let mut text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        if percent_that_fits(face.width(&text, size), width) < NARROWEST_WORDS {
            let mut letters: Vec<char> = text.chars().take(200).collect();
            loop {
                text = letters.iter().collect::<String>().trim_end().to_owned() + "…";
                if letters.pop().is_none() || percent_that_fits(face.width(&text, size), width) >= NARROWEST_WORDS {
                    break;
                }
            }
        }
        let width_percent = percent_that_fits(face.width(&text, size), width).max(NARROWEST_WORDS);
        Mark::Text(Text { x, baseline, size, width_percent, weight, text })
    }
}

/// How wide letters may be, in percent of their natural width, so that the line fits.
fn percent_that_fits(natural: Um, available: Um) -> i32 {
    if natural <= available {
        return 100;
    }
    i32::try_from(i64::from(available) * 100 / i64::from(natural.max(1))).unwrap_or(100)
}
