//! The judge as a whole: hand-made rows go in, verdicts come out.

mod bounds_of_memory;
mod cooling;
mod course;
mod derived;
mod evidence;
mod lag;
mod measures;
mod order;
mod populations;
mod quantifiers;
mod shown;
mod subjects;
