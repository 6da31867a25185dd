//! The eight ways to lay a square on itself: turned by quarters, and mirrored (the dihedral group of the square).

/// One of the eight. The picture is transposed first, then its rows are reversed, then its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub transposed: bool,
    /// Left and right are exchanged.
    pub mirrored: bool,
    /// Top and bottom are exchanged.
    pub flipped: bool,
}

impl Turn {
    pub const NONE: Turn = Turn::new(false, false, false);

    /// Upright first.
    pub const ALL: [Turn; 8] = [
        Turn::NONE,
        Turn::new(false, true, false),
        Turn::new(false, false, true),
        Turn::new(false, true, true),
        Turn::new(true, true, false),
        Turn::new(true, false, true),
        Turn::new(true, false, false),
        Turn::new(true, true, true),
    ];

    const fn new(transposed: bool, mirrored: bool, flipped: bool) -> Turn {
        Turn {
            transposed,
            mirrored,
            flipped,
        }
    }

    /// The square picture, row by row, turned so.
    pub fn of_square<T: Copy>(self, picture: &[T], side: usize) -> Vec<T> {
        let last = side - 1;
        let place = |at: usize| {
            let (x, y) = (at % side, at / side);
            let x = if self.mirrored { last - x } else { x };
            let y = if self.flipped { last - y } else { y };
            if self.transposed {
                x * side + y
            } else {
                y * side + x
            }
        };
        (0..side * side).map(|at| picture[place(at)]).collect()
    }

    /// What undoes it.
    pub fn inverse(self) -> Turn {
        match self.transposed {
            true => Turn::new(true, self.flipped, self.mirrored),
            false => self,
        }
    }

    /// What a person would say was done; nothing for the upright one.
    pub fn words(self) -> Option<&'static str> {
        match (self.transposed, self.mirrored, self.flipped) {
            (false, false, false) => None,
            (false, true, false) => Some("mirrored"),
            (false, false, true) => Some("upside down and mirrored"),
            (false, true, true) => Some("turned by 180°"),
            (true, true, false) => Some("turned by 90° to the right"),
            (true, false, true) => Some("turned by 90° to the left"),
            (true, false, false) => Some("turned by 90° to the right and mirrored"),
            (true, true, true) => Some("turned by 90° to the left and mirrored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_a_turn() {
        let square: Vec<u8> = (0..9).collect();
        for turn in Turn::ALL {
            let turned = turn.of_square(&square, 3);
            assert_eq!(turn.inverse().of_square(&turned, 3), square, "{turn:?}");
        }
    }

    #[test]
    fn the_eight_turns_differ_and_are_what_their_words_say() {
        // 0 1
        // 2 3
        let square = [0, 1, 2, 3];
        let turned = Turn::ALL.map(|turn| turn.of_square(&square, 2));
        for (at, one) in turned.iter().enumerate() {
            assert!(turned[..at].iter().all(|other| other != one));
        }
        for (turn, expect) in Turn::ALL.iter().zip(&turned) {
            let by_words = match turn.words() {
                None => [0, 1, 2, 3],
                Some("mirrored") => [1, 0, 3, 2],
                Some("upside down and mirrored") => [2, 3, 0, 1],
                Some("turned by 180°") => [3, 2, 1, 0],
                Some("turned by 90° to the right") => [2, 0, 3, 1],
                Some("turned by 90° to the left") => [1, 3, 0, 2],
                // Rows become columns.
                Some("turned by 90° to the right and mirrored") => [0, 2, 1, 3],
                Some("turned by 90° to the left and mirrored") => [3, 1, 2, 0],
                Some(other) => panic!("{other}"),
            };
            assert_eq!(expect, &by_words, "{turn:?}");
        }
    }
}
