//! The bytes that a picture shows.

use std::borrow::Cow;

use crate::channel::layer::PartialLayer;
use crate::container::{Header, Parser};
use crate::decoder::decoded::{Coverage, Exact};
use crate::decoder::lossless::ExactRows;
use crate::decoder::partial::partial_layer;
use crate::decoder::showing::Showing;
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::pixels::samples::Samples;
use crate::reverse::{Chain, Display};
use crate::schedule::Sigma;

/// The part of the bytes so far that a picture shows.
pub(crate) struct Scope<'a> {
    exact: ExactRows<'a>,
    pub partial: Option<PartialLayer<'a>>,
    coverage: Coverage,
}

impl<'a> Scope<'a> {
    /// The scope of all bytes, without the layer under way where only `whole_layers` count.
    pub fn of(parser: &'a Parser, exact: ExactRows<'a>, chain: &Chain, whole_layers: bool) -> Self {
        let all = partial_layer(parser);
        let partial_layer_skipped = whole_layers && all.is_some();
        let partial = all.filter(|_| !partial_layer_skipped);
        let coverage = Coverage {
            partial_layer_skipped,
            ..coverage(parser, chain, partial.as_ref())
        };
        Scope {
            exact,
            partial,
            coverage,
        }
    }

    /// The display of the picture under the exact samples.
    pub fn display(&self, display: Display) -> Display {
        self.exact.display(display)
    }

    /// The picture of `x0_hat` and the exact samples. Where these are all, x0_hat is not asked for.
    ///
    /// # Errors
    /// Those of [`Picture::from_planes`] and of `x0_hat`.
    pub fn picture<'p>(
        mut self,
        header: &Header,
        showing: &Showing,
        x0_hat: impl FnOnce() -> Result<Cow<'p, Planes>>,
        alpha: Option<Samples>,
    ) -> Result<(Picture, Coverage)> {
        let form = &header.form;
        self.coverage.exact = self.exact.state();
        let picture = match self.exact.whole(form) {
            Some(samples) => {
                let (width, height) = (form.width, form.height);
                Picture::from_samples(width, height, form.colour, samples, alpha)?
            }
            None => {
                let mut picture = showing.picture(header, &*x0_hat()?, alpha)?;
                self.exact.lay(&mut picture);
                picture
            }
        };
        Ok((picture, self.coverage))
    }
}

/// Coverage of the bytes that the parser has taken, without exact samples.
pub(crate) fn coverage(parser: &Parser, chain: &Chain, partial: Option<&PartialLayer>) -> Coverage {
    Coverage {
        layers: chain.layers(),
        partial: partial.map_or(0.0, PartialLayer::share),
        bytes: parser.offset(),
        sigma: match partial {
            Some(p) => chain.t().map(|_| chain.step(p.s).sigma_between(p.share())),
            None => chain.t().map(Sigma::levels),
        },
        complete: parser.is_complete(),
        exact: Exact::None,
        partial_layer_skipped: false,
    }
}
