//! The judge as a whole: hand-made rows go in, verdicts come out.

mod bounds_of_memory;
mod cooling;
mod course;
mod derived;
mod doubt;
mod driver;
mod evidence;
mod keys;
mod lag;
mod ledger_classes;
mod measures;
mod needs;
mod order;
mod paired;
mod populations;
mod quantifiers;
mod shown;
mod subjects;
mod told;
mod tools;
