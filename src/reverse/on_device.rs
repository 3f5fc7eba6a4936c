//! The device's share of the chain, and the transform in the plain numbers that the device takes.

use std::fmt;

use crate::channel::bands::COLOURS;
use crate::channel::permutation::Permutation;
use crate::channel::rotation::Rotation;
use crate::channel::transform::Transform;
use crate::pixels::planes::Planes;
use crate::prior::on_device::{BandLayout, BandStart, DeviceState, Geometry, PartRotation};

/// The device's share of the chain.
#[derive(Default)]
pub(crate) enum OnDevice {
    /// Nobody has asked the device yet.
    #[default]
    Unknown,
    /// The device has no room, or no part in this chain.
    Refused,
    /// Memory for x_t, which lies in the memory of the machine.
    Empty(Box<dyn DeviceState>),
    /// x_t itself. The copy in the memory of the machine is of the past.
    Held(Box<dyn DeviceState>),
}

impl fmt::Debug for OnDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnDevice::Unknown => "Unknown",
            OnDevice::Refused => "Refused",
            OnDevice::Empty(_) => "Empty",
            OnDevice::Held(_) => "Held",
        })
    }
}

/// Plain numbers of the transform of planes of this size. None where they are so small that they
/// have no scales.
pub(crate) fn geometry(transform: &Transform, planes: &Planes) -> Option<Geometry> {
    let mut base = 0;
    let rotations = transform.rotations().into_iter().map(|rotation| {
        let len = rotation.map_or(0, Rotation::len);
        // A part without values has one line, so that the arithmetic needs no special case.
        let lines = rotation.map_or(Permutation::new(1), |r| *r.permutation());
        base += len;
        PartRotation {
            base: base - len,
            len,
            width: lines.width(),
            lines: lines.count(),
            inverse: lines.inverse(),
        }
    });
    let parts: Vec<PartRotation> = rotations.collect();
    let band_layout = match transform.bands() {
        None => None,
        Some(bands) if bands.levels() == 0 => return None,
        Some(bands) => {
            let places = |level: Option<usize>| {
                [0, 1, 2].map(|colour| {
                    let (part, place) = bands.place(colour, level);
                    let first = place.start - parts[part].base;
                    BandStart { part, first }
                })
            };
            Some(BandLayout {
                averages: places(None),
                details: (1..=bands.levels()).map(|l| places(Some(l))).collect(),
                colours: COLOURS,
            })
        }
    };
    Some(Geometry {
        width: planes.width,
        height: planes.height,
        parts,
        bands: band_layout,
    })
}
