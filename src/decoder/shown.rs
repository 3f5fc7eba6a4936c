//! What a receiver shows of the bytes so far.

use super::limits::RAISE;
use super::{Arrived, Decoded, Decoder, StreamDecoder, Used, picture, used};
use crate::error::Result;
use crate::exact::{Exact, Exacts};
use crate::memory;
use crate::picture::Picture;
use crate::planes::Planes;
use crate::prior::Prior;
use crate::reverse::View;
use crate::sampler::{Mode, Report, Sampler};

impl<'p> Decoder<'p> {
    /// Shows something else than the mean.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// As [`StreamDecoder::orientations`].
    pub fn orientations(mut self, n: usize) -> Self {
        self.view.orientations = n.clamp(1, 8);
        self
    }

    /// As [`StreamDecoder::refiner`]. What the command shows of files of the default prior:
    ///
    /// ```
    /// use dcodec::prior::Shipped;
    /// use dcodec::{Colour, Decoder, Encoder, Picture, Prior};
    ///
    /// let prior = Prior::shipped()?;
    /// # let picture = Picture::new(32, 24, Colour::Grey, (0..32 * 24).map(|i| (i % 200) as u8).collect(), None)?;
    /// # let file = Encoder::new(&prior).encode(&picture)?.bytes;
    /// let larger = Shipped::S.refiner().map(Shipped::prior).transpose()?;
    /// let decoder = match &larger {
    ///     Some(larger) => Decoder::new(&prior).refiner(larger).orientations(2),
    ///     // A build without it.
    ///     None => Decoder::new(&prior).orientations(4),
    /// };
    /// let shown = decoder.decode(&file)?.picture;
    /// # assert_eq!(shown.width(), 32);
    /// # Ok::<(), dcodec::Error>(())
    /// ```
    pub fn refiner(mut self, prior: &'p Prior) -> Self {
        self.view.refiner = Some(prior);
        self
    }
}

impl<'p> StreamDecoder<'p> {
    /// Averages what is shown over `n` orientations of the picture, up to 8: closer to the picture, for `n - 1` more calls of the
    /// network. Without it, clauses 17 and 18 say what is shown. From the next picture on; walks of samplers stay as they are.
    pub fn orientations(mut self, n: usize) -> Self {
        self.view.orientations = n.clamp(1, 8);
        self.viewed()
    }

    /// Shows the state of the chain by another prior, if possible a better one: the chain is the file's, but any prior that knows its
    /// noise levels can say what a state shows. It takes as many calls as [`StreamDecoder::orientations`] asks for, from the next picture
    /// on. Left out where it would take more than the limit of memory; thumbnails and walks of samplers do without it.
    pub fn refiner(mut self, prior: &'p Prior) -> Self {
        self.view.refiner = Some(prior);
        self.viewed()
    }

    fn viewed(mut self) -> Self {
        self.fit_memory();
        self
    }

    /// Does without what would be over the limit of memory.
    pub(super) fn fit_memory(&mut self) {
        let Some(header) = self.parser.header().cloned() else {
            return;
        };
        let header = &header;
        let most = self.max_memory;
        let fits = self.memory(header, false) <= most;
        self.view.refiner = self.view.refiner.filter(|_| fits);
        self.whole_layers = self.memory(header, true) > most;
    }

    /// Says with what [`StreamDecoder::show`] will be called, so that the limit of memory holds for it before any work.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// The best picture that the bytes so far give. The network is called once after each layer, and again each time for what has
    /// come of the next layer and for every orientation beyond the first. Takes one or two arrays more than
    /// [`StreamDecoder::finish`]; where they are over the limit of memory, it shows what it can do without.
    ///
    /// Errors: [`Error::Format`](crate::Error::Format) if the header has not come yet.
    pub fn preview(&mut self) -> Result<Decoded> {
        self.preview_by(self.view)
    }

    fn preview_by(&mut self, view: View<'p>) -> Result<Decoded> {
        let alpha = self.alpha();
        let (settings, held, most) = (self.settings(), self.held, self.max_memory);
        let (Some(header), Some(chain)) = (self.parser.header(), &mut self.chain) else {
            return Err(self.parser.incomplete().into());
        };
        let all = Arrived::of(&self.parser);
        // The chain's two and a prediction; of a part of a layer also its state, and the step that is not taken.
        let fits = |arrays| settings.peak(header, held, arrays, 0) <= most;
        let view = match fits(if all.is_some() { 5 } else { 3 }) {
            true => view,
            false => View::PLAIN,
        };
        let exact = Exacts::of(&self.parser, &self.exact, chain)?;
        chain.show_by(exact.view(view));
        let left_out = !fits(4) && all.is_some();
        let arrived = all.filter(|_| !left_out);
        let mut used = Used {
            left_out,
            ..used(&self.parser, chain, &arrived)
        };
        let (between, whole);
        let x0_hat = match &arrived {
            Some(a) => {
                between = chain.between(a.s, a.bits, a.stages)?;
                &between
            }
            None => {
                whole = chain.shown()?;
                &whole
            }
        };
        let mut picture = picture(header, x0_hat, alpha)?;
        used.exact = exact.lay(&mut picture);
        Ok(Decoded {
            picture,
            metadata: self.metadata.clone(),
            used,
            timings: chain.meter().read(),
        })
    }

    /// The picture that `sampler` makes of the bytes so far, starting from the state x_t at their end; also inside a layer.
    /// [`StreamDecoder::preview`] is its [`Mode::Mean`]. Before the first layer every mode shows mid grey.
    ///
    /// `report` hears of every prediction of the walk. The chain is not touched: more bytes continue where the last ended.
    ///
    /// Errors: as [`StreamDecoder::preview`]; [`Error::Backend`](crate::Error::Backend) if the network fails;
    /// [`Error::Limits`](crate::Error::Limits) if the memory is over the limit.
    pub fn show(&mut self, sampler: &Sampler, report: &mut Report<'_>) -> Result<Decoded> {
        let mut decoded = match sampler.mode() {
            Mode::Mean => self.preview()?,
            // Only its form is of use, and its samples where all are exact.
            _ => self.preview_by(View::PLAIN)?,
        };
        if sampler.mode() == Mode::Mean || decoded.used.exact == Exact::All {
            return Ok(decoded);
        }
        if let Some(header) = self.header() {
            let need = self.settings().sampler(*sampler);
            let need = need.memory(header, self.held, true);
            memory::check("sampling", header, need, self.max_memory, RAISE)?;
        }
        let Some((x_t, level)) = self.state()? else {
            return Ok(decoded);
        };
        let Some(chain) = &self.chain else {
            return Ok(decoded);
        };
        let predict = |x: &Planes, sigma: f64| chain.predict(x, sigma);
        let mut x_0 = sampler.walk(&predict, x_t, level, report)?;
        if let Mode::Realism(_) = sampler.mode() {
            sampler.blend(&mut x_0, &self.mean()?);
        }
        if let Some(chain) = &self.chain {
            decoded.timings = chain.meter().read();
        }
        let shown = &decoded.picture;
        decoded.picture = Picture::from_planes(
            &x_0,
            shown.width(),
            shown.height(),
            shown.colour(),
            shown.depth(),
            shown.alpha().cloned(),
        )?;
        if let Some(chain) = &mut self.chain {
            Exacts::of(&self.parser, &self.exact, chain)?.lay(&mut decoded.picture);
        }
        Ok(decoded)
    }

    /// The state at the end of the bytes and its noise level; none before the first layer.
    fn state(&mut self) -> Result<Option<(Planes, f64)>> {
        let Some(chain) = &mut self.chain else {
            return Ok(None);
        };
        if let Some(a) = Arrived::of(&self.parser)
            && let Some(state) = chain.state_between(a.s, a.bits, a.stages)?
        {
            return Ok(Some(state));
        }
        Ok(chain.state()?.map(|(x_t, sigma)| (x_t.clone(), sigma)))
    }

    /// The planes of the mean picture.
    fn mean(&mut self) -> Result<Planes> {
        let Some(chain) = &mut self.chain else {
            return Err(self.parser.incomplete().into());
        };
        chain.show_by(self.view);
        match Arrived::of(&self.parser) {
            Some(a) => chain.between(a.s, a.bits, a.stages),
            None => Ok(chain.shown()?.into_owned()),
        }
    }
}
