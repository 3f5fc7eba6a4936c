//! The exact samples of a picture, given the state of the chain.
//!
//! Each sample is predicted by least squares, learned as the picture goes, from x_t, x0_hat and the exact samples before it;
//! its bits are coded from the highest down under a mixture (Mahoney's logistic mixing) of two logistic distributions
//! about the prediction and of counters that remember which values stood in a like place. All of it is IEEE arithmetic
//! in a fixed order, with tables of integers for logarithms: given the same x_t and x0_hat, every machine computes the
//! same probabilities.

mod context_table;
mod exact;
mod fit;
mod mixing;
mod model;
mod side_information;

pub use exact::{Reached, decode_exact, encode_exact, exact_memory};
pub use side_information::SideInformation;
