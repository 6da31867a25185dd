//! Distances on the Earth, taken as a sphere.

/// Mean radius in kilometres (IUGG).
const EARTH_KM: f64 = 6371.0088;

/// Kilometres along the surface between two places of latitude and longitude in
/// degrees: the haversine formula (Sinnott 1984), which is exact for neighbours too.
pub fn km_between(from: [f64; 2], to: [f64; 2]) -> f64 {
    let [lat_a, lon_a] = from.map(f64::to_radians);
    let [lat_b, lon_b] = to.map(f64::to_radians);
    let half_sine = |angle: f64| (angle / 2.0).sin().powi(2);
    let square = half_sine(lat_b - lat_a) + lat_a.cos() * lat_b.cos() * half_sine(lon_b - lon_a);
    2.0 * EARTH_KM * square.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let (berlin, beijing) = ([52.52, 13.405], [39.9042, 116.4074]);
        assert!((km_between(berlin, beijing) - 7_364.0).abs() < 10.0);
        assert!((km_between([0.0, 179.5], [0.0, -179.5]) - 111.2).abs() < 0.1);
        assert_eq!(km_between(berlin, berlin), 0.0);
    }
}
