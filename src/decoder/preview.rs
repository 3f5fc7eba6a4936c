//! The picture that a receiver shows of the bytes so far.

use std::borrow::Cow;

use crate::container::Parser;
use crate::container::metadata::Metadata;
use crate::decoder::decoded::{Decoded, Exact};
use crate::decoder::lossless::ExactRows;
use crate::decoder::partial::partial_layer;
use crate::decoder::scope::Scope;
use crate::decoder::stream::{Body, StreamDecoder};
use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::reverse::Display;
use crate::sampler::{FrameReport, Mode, Sampler};

/// Arrays of D 32-bit floats of a preview: the chain's two and a prediction.
const ARRAYS: u64 = 3;

/// Arrays of a preview that shows a part of a layer by the recommended display: also the state
/// inside the layer, and the step that is not taken.
const ARRAYS_WITHIN_A_LAYER: u64 = 5;

/// Arrays of a plain preview that shows a part of a layer.
const ARRAYS_PLAIN_WITHIN_A_LAYER: u64 = 4;

impl Body {
    /// The preview of the bytes so far by `display`, plain where that would be over the limit of
    /// memory.
    fn preview(
        &mut self,
        parser: &Parser,
        metadata: &Metadata,
        display: Display,
    ) -> Result<Decoded> {
        let alpha = self.alpha(parser);
        let fitted = self.display()?;
        let arrays = match partial_layer(parser) {
            Some(_) => self.footprint.cut_arrays(ARRAYS_WITHIN_A_LAYER),
            None => ARRAYS,
        };
        let display = match self.footprint.fits(&fitted, arrays)? {
            true => display,
            false => Display::PLAIN,
        };
        let plain = self.footprint.cut_arrays(ARRAYS_PLAIN_WITHIN_A_LAYER);
        let whole_layers = !self.footprint.fits(&fitted, plain)?;
        let keep = self.footprint.fits_checkpoint(&fitted)?;
        let chain = &mut self.chain;
        let (header, showing) = (&self.header, &self.showing);
        let exact = ExactRows::of(parser, header, showing, &mut self.exact, chain, keep)?;
        let scope = Scope::of(parser, exact, chain, whole_layers);
        chain.display_by(scope.display(display));
        let partial = scope.partial;
        let x0_hat = move || {
            let chain = chain;
            chain.estimate(partial)
        };
        let (picture, coverage) = scope.picture(header, showing, x0_hat, alpha)?;
        Ok(Decoded {
            picture,
            metadata: metadata.clone(),
            coverage,
            timings: self.chain.meter().read(),
        })
    }

    /// The state at the end of the bytes and its noise level in levels. None before the first
    /// layer.
    fn state(&mut self, parser: &Parser) -> Result<Option<(Planes, f64)>> {
        if let Some(partial) = partial_layer(parser)
            && let Some(state) = self.chain.state_within(&partial)?
        {
            return Ok(Some(state));
        }
        let state = self.chain.state()?;
        Ok(state.map(|(x_t, sigma)| (x_t.clone(), sigma)))
    }
}

impl StreamDecoder {
    /// The best picture that the bytes so far give.
    ///
    /// The network is called once after each layer. It is called again each time for the part of
    /// the next layer that has come, and for the display. Takes one or two arrays more than
    /// [`StreamDecoder::finish`]. Where they are over the limit of memory, the display is plain, or
    /// the part of a layer is not shown. Exact rows are decoded on from about where the last
    /// preview ended, or from the first one where a second model of them is over the limit.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the header has not come yet;
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn preview(&mut self) -> Result<Decoded> {
        let Some(body) = &mut self.body else {
            return Err(self.parser.incomplete().into());
        };
        let display = body.display()?;
        body.preview(&self.parser, &self.metadata, display)
    }

    /// x_t at the end of the bytes so far, also inside a layer, and the standard deviation of its
    /// noise in 8-bit levels. None before the first layer. The chain stays as it is.
    ///
    /// The planes are padded to whole blocks and hold x_0 plus the noise, in levels about mid grey:
    /// the observation from which methods for inverse problems may start.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the header has not come yet;
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn state(&mut self) -> Result<Option<(Planes, f64)>> {
        match &mut self.body {
            Some(body) => body.state(&self.parser),
            None => Err(self.parser.incomplete().into()),
        }
    }

    /// The picture that `sampler` makes of the bytes so far, from the state x_t at their end, also
    /// inside a layer.
    ///
    /// [`StreamDecoder::preview`] is its [`Mode::Mean`]. Before the first layer every mode shows
    /// mid grey. `report` hears of every prediction of the walk. The chain stays as it is: more
    /// bytes continue where the last ended.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::preview`]; [`Error::Limits`](crate::Error::Limits) if the memory
    /// is over the limit; [`Error::Cancelled`](crate::Error::Cancelled) if `report` asks for it.
    pub fn show(&mut self, sampler: &Sampler, report: &mut FrameReport<'_>) -> Result<Decoded> {
        if sampler.mode() == Mode::Mean {
            return self.preview();
        }
        let Some(body) = &mut self.body else {
            return Err(self.parser.incomplete().into());
        };
        // Only its form is of use, and its samples where all are exact.
        let mut decoded = body.preview(&self.parser, &self.metadata, Display::PLAIN)?;
        if decoded.coverage.exact == Exact::All {
            return Ok(decoded);
        }
        let display = body.display()?;
        body.footprint.check_sampler(&display, sampler)?;
        let Some((x_t, level)) = body.state(&self.parser)? else {
            return Ok(decoded);
        };
        let chain = &body.chain;
        let predict = |x: &Planes, sigma: f64| chain.predict(x, sigma);
        let mut x_0 = sampler.walk(&predict, x_t, level, report)?;
        if let Mode::Realism(_) = sampler.mode() {
            body.chain.display_by(display);
            let mean = body.chain.estimate(partial_layer(&self.parser))?;
            sampler.blend(&mut x_0, &mean);
        }
        decoded.timings = body.chain.meter().read();
        let alpha = decoded.picture.alpha().cloned();
        let (header, showing) = (&body.header, &body.showing);
        decoded.picture = showing.picture(header, &x_0, alpha)?;
        let keep = body.footprint.fits_checkpoint(&body.display()?)?;
        let (chain, exact) = (&mut body.chain, &mut body.exact);
        let exact = ExactRows::of(&self.parser, header, showing, exact, chain, keep)?;
        exact.lay(&mut decoded.picture);
        Ok(decoded)
    }

    /// Ends the stream with the picture that all its bytes give.
    ///
    /// Missing bytes are no error: [`Coverage::complete`](crate::Coverage::complete) is true if the
    /// encoder's end was reached. Takes less memory than [`StreamDecoder::preview`], for no state
    /// has to be kept.
    ///
    /// # Errors
    /// Those of [`StreamDecoder::preview`].
    pub fn finish(self) -> Result<Decoded> {
        let StreamDecoder {
            parser,
            metadata,
            body,
            ..
        } = self;
        let Some(body) = body else {
            return Err(parser.incomplete().into());
        };
        let display = body.display()?;
        let whole_layers = !body.footprint.fits_cut(&display)?;
        let Body {
            header,
            mut chain,
            alpha,
            showing,
            mut exact,
            ..
        } = body;
        let meter = chain.meter().clone();
        let exact = ExactRows::of(&parser, &header, &showing, &mut exact, &mut chain, false)?;
        let scope = Scope::of(&parser, exact, &chain, whole_layers);
        chain.display_by(scope.display(display));
        let partial = scope.partial;
        let alpha = header.form.alpha.then(|| alpha.plane(&header, &parser));
        let x0_hat = || chain.into_estimate(partial).map(Cow::Owned);
        let (picture, coverage) = scope.picture(&header, &showing, x0_hat, alpha)?;
        Ok(Decoded {
            picture,
            metadata,
            coverage,
            timings: meter.read(),
        })
    }
}
