//! What a file says of itself: EXIF, IPTC-IIM and XMP, read leniently. Damaged metadata is left out and never an error.

/// When the picture was taken, as the camera's clock had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// Minutes east of UTC, where the file says.
    pub utc_offset_min: Option<i16>,
}

/// Where the picture was taken: degrees, north and east positive; metres above sea level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gps {
    pub latitude: f64,
    pub longitude: f64,
    pub altitude_m: Option<f64>,
}

/// A description that travels inside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedCaption {
    /// A language tag such as `en` or `zh-CN`; `None` where the file does not say (XMP's `x-default` included).
    pub lang: Option<String>,
    pub text: String,
}

/// Everything Fovea keeps of a file's own words. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    pub taken: Option<Taken>,
    pub camera: Option<String>,
    pub lens: Option<String>,
    pub iso: Option<u32>,
    pub focal_mm: Option<f64>,
    pub aperture: Option<f64>,
    pub exposure_s: Option<f64>,
    pub gps: Option<Gps>,
    /// EXIF orientation 1 to 8 as found (already applied to the pixels); 0 when the file has none.
    pub orientation: u8,
    pub captions: Vec<EmbeddedCaption>,
    pub keywords: Vec<String>,
    /// Stars, 1 to 5; 0 is unrated and -1 rejected, as XMP has it.
    pub rating: Option<i8>,
}
