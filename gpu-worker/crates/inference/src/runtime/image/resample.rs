//! Scaling of 8-bit pictures by a separable filter that is widened where the picture shrinks, as Pillow's `resize`
//! does; results agree with it up to the rounding of its intermediate picture.

use super::picture::Rgb;

/// The shape of the weights around an output pixel's middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Linear; Pillow's `BILINEAR`.
    Triangle,
    /// Cubic convolution with a = −1/2; Pillow's `BICUBIC`.
    CatmullRom,
}

/// A part of a picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Region {
    /// The largest part around the middle of `picture` that has the aspect ratio of `width` × `height`.
    pub(super) fn covering(picture: &Rgb, width: usize, height: usize) -> Self {
        let (have_width, have_height) = (picture.width as f64, picture.height as f64);
        let aspect = width as f64 / height as f64;
        let (part_width, part_height) = (have_width.min(have_height * aspect), have_height.min(have_width / aspect));
        Self {
            left: (have_width - part_width) / 2.0,
            top: (have_height - part_height) / 2.0,
            width: part_width,
            height: part_height,
        }
    }
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Triangle => 1.0,
            Self::CatmullRom => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Triangle => (1.0 - x).max(0.0),
            Self::CatmullRom if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::CatmullRom if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::CatmullRom => 0.0,
        }
    }
}

/// The input pixels behind one output pixel.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

/// `region` of `picture` as `width` × `height` pixels: rows of red, green and blue in 0..=255, not rounded.
pub(super) fn resample(picture: &Rgb, region: Region, (width, height): (usize, usize), filter: Filter) -> Vec<f32> {
    let columns = taps(picture.width, (region.left, region.width), width, filter);
    let rows = taps(picture.height, (region.top, region.height), height, filter);
    let narrowed: Vec<[f64; 3]> = picture
        .bytes
        .chunks_exact(3 * picture.width)
        .flat_map(|row| {
            columns.iter().map(|taps| taps.of(|x| [0, 1, 2].map(|channel| f64::from(row[3 * x + channel]))))
        })
        .collect();
    let pixel = |taps: &Taps, x: usize| taps.of(|y| narrowed[y * width + x]);
    rows.iter().flat_map(|taps| (0..width).flat_map(|x| pixel(taps, x).map(|value| value as f32))).collect()
}

impl Taps {
    fn of(&self, pixel: impl Fn(usize) -> [f64; 3]) -> [f64; 3] {
        self.weights.iter().enumerate().fold([0.0; 3], |sum, (offset, weight)| {
            let pixel = pixel(self.first + offset);
            [0, 1, 2].map(|channel| sum[channel] + weight * pixel[channel])
        })
    }
}

/// For each of `count` output pixels, weights on `length` input pixels of which a part is taken; they add up to 1.
fn taps(length: usize, (start, extent): (f64, f64), count: usize, filter: Filter) -> Vec<Taps> {
    let scale = extent / count as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    (0..count)
        .map(|index| {
            let middle = start + (index as f64 + 0.5) * scale;
            let first = ((middle - support + 0.5).max(0.0) as usize).min(length - 1);
            let end = ((middle + support + 0.5) as usize).clamp(first + 1, length);
            let raw: Vec<f64> = (first..end).map(|x| filter.weight((x as f64 + 0.5 - middle) / stretch)).collect();
            let total: f64 = raw.iter().sum();
            Taps { first, weights: raw.into_iter().map(|weight| weight / total).collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: usize, height: usize) -> Rgb {
        let pixel =
            |i: usize| [(i % width * 255 / width) as u8, (i / width * 255 / height) as u8, (i * 37 % 256) as u8];
        Rgb { width, height, bytes: (0..width * height).flat_map(pixel).collect() }
    }

    fn whole(picture: &Rgb) -> Region {
        Region::covering(picture, picture.width, picture.height)
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = gradient(13, 7);
        for filter in [Filter::Triangle, Filter::CatmullRom] {
            let same = resample(&picture, whole(&picture), (13, 7), filter);
            assert!(same.iter().zip(&picture.bytes).all(|(value, byte)| (value - f32::from(*byte)).abs() < 1e-4));
        }
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_size() {
        let picture = Rgb { width: 5, height: 3, bytes: [10, 200, 77].repeat(15) };
        for (width, height) in [(1, 1), (2, 9), (64, 48)] {
            for filter in [Filter::Triangle, Filter::CatmullRom] {
                let region = Region::covering(&picture, width, height);
                let values = resample(&picture, region, (width, height), filter);
                assert_eq!(values.len(), 3 * width * height);
                assert!(
                    values
                        .chunks(3)
                        .all(|rgb| (rgb[0] - 10.0).abs() + (rgb[1] - 200.0).abs() + (rgb[2] - 77.0).abs() < 1e-3)
                );
            }
        }
    }

    #[test]
    fn the_middle_is_what_remains_of_another_aspect_ratio() {
        let region = Region::covering(&gradient(100, 50), 64, 64);
        assert_eq!(region, Region { left: 25.0, top: 0.0, width: 50.0, height: 50.0 });
        let region = Region::covering(&gradient(40, 90), 128, 64);
        assert_eq!(region, Region { left: 0.0, top: 35.0, width: 40.0, height: 20.0 });
    }
}
