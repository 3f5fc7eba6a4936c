//! The exact samples of a picture, given the state of the chain (annex A).
//!
//! Each sample is predicted from x_t, x0_hat and the exact samples before it, by least squares that
//! are learned as the picture goes. Its bits are coded from the highest down under a mixture
//! (logistic mixing, Mahoney 2005) of two logistic distributions about the prediction and of
//! counters that remember the values of similar places. All of it is IEEE arithmetic in a fixed
//! order, with tables of integers for logarithms: given equal x_t and x0_hat, every machine
//! computes equal probabilities.

mod context_table;
mod exact;
mod fit;
mod mixing;
mod model;
mod side_information;

pub use exact::{Reached, decode_exact, encode_exact, exact_memory};
pub use side_information::SideInformation;
