//! The exact samples of a picture (annex A).
//!
//! Samples of photographs are coded given the state of the chain. Each is predicted from x_t,
//! x0_hat and the exact samples before it, by least squares that are learned as the picture goes.
//! Its bits are coded from the highest down under a mixture (logistic mixing, Mahoney 2005) of two
//! logistic distributions about the prediction and of counters that remember the values of similar
//! places. Pixels of drawings need no chain: each is first compared to those nearby. All of it is
//! IEEE arithmetic in a fixed order, with tables of integers for logarithms: given equal x_t and
//! x0_hat, every machine computes equal probabilities.

mod colour;
mod context_table;
mod exact;
mod fit;
mod graphic;
mod layout;
mod mixing;
mod model;
mod palette;
mod side_information;

pub use exact::{
    Checkpoint, Method, Reached, continue_exact, decode_exact, encode_graphic, encode_photographic,
    exact_memory,
};
pub use layout::Layout;
pub use side_information::SideInformation;
