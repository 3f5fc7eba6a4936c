//! The picture that a receiver shows of the bytes so far.

use crate::channel::layer::PartialLayer;
use crate::container::{Header, Parser};
use crate::decoder::alpha::picture;
use crate::decoder::decoder::{Coverage, Decoded};
use crate::decoder::lossless::{Exact, Exacts, Rows};
use crate::decoder::partial::partial_layer;
use crate::decoder::stream::StreamDecoder;
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::pixels::samples::Samples;
use crate::reverse::{Chain, Display};
use crate::sampler::{FrameReport, Mode, Sampler};
use crate::schedule::Sigma;

/// The part of the bytes so far that a picture shows.
pub(crate) struct Scope<'a> {
    exact: Exacts<'a>,
    pub partial: Option<PartialLayer<'a>>,
    coverage: Coverage,
}

impl<'a> Scope<'a> {
    /// The scope of all bytes, without the layer under way where only `whole_layers` count.
    pub fn of(
        parser: &'a Parser,
        header: &Header,
        exact: &'a Option<Rows>,
        chain: &mut Chain,
        whole_layers: bool,
    ) -> Result<Self> {
        let exact = Exacts::of(parser, header, exact, chain)?;
        let all = partial_layer(parser);
        let partial_layer_skipped = whole_layers && all.is_some();
        let partial = all.filter(|_| !partial_layer_skipped);
        let coverage = Coverage {
            partial_layer_skipped,
            ..coverage(parser, chain, partial.as_ref())
        };
        Ok(Scope {
            exact,
            partial,
            coverage,
        })
    }

    /// The display of the picture under the exact samples.
    pub fn display(&self, display: Display) -> Display {
        self.exact.display(display)
    }

    /// The picture of `x0_hat` and the exact samples.
    pub fn picture(
        mut self,
        header: &Header,
        x0_hat: &Planes,
        alpha: Option<Samples>,
    ) -> Result<(Picture, Coverage)> {
        let mut picture = picture(header, x0_hat, alpha)?;
        self.coverage.exact = self.exact.lay(&mut picture);
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

impl StreamDecoder {
    /// The best picture that the bytes so far give. The network is called once after each layer, and again each time for the
    /// part of the next layer that has come and for the display. Takes one or two arrays more than
    /// [`StreamDecoder::finish`]; where they are over the limit of memory, it leaves out what it can do without.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the header has not come yet; [`Error::Backend`](crate::Error::Backend) if the
    /// network fails.
    pub fn preview(&mut self) -> Result<Decoded> {
        self.preview_by(None)
    }

    /// The preview by `display`, or by that of the settings.
    fn preview_by(&mut self, display: Option<Display>) -> Result<Decoded> {
        let Some(mut body) = self.body.take() else {
            return Err(self.parser.incomplete().into());
        };
        let alpha = body.alpha(&self.parser);
        let display = display.unwrap_or_else(|| body.display.clone());
        // The chain's two and a prediction; of a part of a layer also its state, and the step that is not taken.
        let partial = partial_layer(&self.parser).is_some();
        let display = match self.fits(&body, if partial { 5 } else { 3 }) {
            true => display,
            false => Display::PLAIN,
        };
        let whole_layers = !self.fits(&body, 4);
        let made = (|| {
            let chain = &mut body.chain;
            let scope = Scope::of(&self.parser, &body.header, &body.exact, chain, whole_layers)?;
            chain.display_by(scope.display(display));
            let partial = scope.partial;
            let x0_hat = chain.estimate(partial)?;
            let (picture, coverage) = scope.picture(&body.header, &x0_hat, alpha)?;
            Ok(self.decoded(&body.chain, picture, coverage))
        })();
        self.body = Some(body);
        made
    }

    /// The picture that `sampler` makes of the bytes so far, starting from the state x_t at their end; also inside a layer.
    /// [`StreamDecoder::preview`] is its [`Mode::Mean`]. Before the first layer every mode shows mid grey.
    ///
    /// `report` hears of every prediction of the walk. The chain is not touched: more bytes continue where the last ended.
    ///
    /// Errors: as [`StreamDecoder::preview`]; [`Error::Backend`](crate::Error::Backend) if the network fails;
    /// [`Error::Limits`](crate::Error::Limits) if the memory is over the limit.
    pub fn show(&mut self, sampler: &Sampler, report: &mut FrameReport<'_>) -> Result<Decoded> {
        let mut decoded = match sampler.mode() {
            Mode::Mean => self.preview()?,
            // Only its form is of use, and its samples where all are exact.
            _ => self.preview_by(Some(Display::PLAIN))?,
        };
        if sampler.mode() == Mode::Mean || decoded.coverage.exact == Exact::All {
            return Ok(decoded);
        }
        self.check_sampler(sampler)?;
        let Some((x_t, level)) = self.state()? else {
            return Ok(decoded);
        };
        let Some(body) = &mut self.body else {
            return Ok(decoded);
        };
        let chain = &body.chain;
        let predict = |x: &Planes, sigma: f64| chain.predict(x, sigma);
        let mut x_0 = sampler.walk(&predict, x_t, level, report)?;
        if let Mode::Realism(_) = sampler.mode() {
            body.chain.display_by(body.display.clone());
            let mean = body.chain.estimate(partial_layer(&self.parser))?;
            sampler.blend(&mut x_0, &mean);
        }
        decoded.timings = body.chain.meter().read();
        let alpha = decoded.picture.alpha().cloned();
        decoded.picture = picture(&body.header, &x_0, alpha)?;
        Exacts::of(&self.parser, &body.header, &body.exact, &mut body.chain)?
            .lay(&mut decoded.picture);
        Ok(decoded)
    }

    /// The state at the end of the bytes and its noise level; none before the first layer.
    fn state(&mut self) -> Result<Option<(Planes, f64)>> {
        let Some(body) = &mut self.body else {
            return Ok(None);
        };
        if let Some(partial) = partial_layer(&self.parser)
            && let Some(state) = body.chain.state_within(&partial)?
        {
            return Ok(Some(state));
        }
        let state = body.chain.state()?;
        Ok(state.map(|(x_t, sigma)| (x_t.clone(), sigma)))
    }
}
