//! Rate and distortion, measured on real prefixes of real files, beside other codecs.

mod bd;
mod bench;
mod codecs;
mod curves;
mod journal;
mod made;
mod measure;
mod output;
mod paper;
mod pictures;
mod plot;
mod process;
mod report;
mod run;
pub mod scene;
mod session;
mod settings;
mod sheet;
mod tables;

pub use bd::{BdRate, Pchip, bd_rate};
pub use measure::ssimulacra2;
pub use run::{Counts, Preparation};
pub use settings::{Codec, Metric, Networks, Settings};
