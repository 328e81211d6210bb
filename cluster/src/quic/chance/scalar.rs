//! Numbers modulo the order of P-256, as far as a signature needs them. How long a step takes
//! depends on the numbers, so nothing secret may be reckoned with them.

/// The order, its lowest part first.
const ORDER: [u64; 4] = [
    0xf3b9_cac2_fc63_2551,
    0xbce6_faad_a717_9e84,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
];

/// A number below the order, its lowest part first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scalar([u64; 4]);

impl Scalar {
    const ONE: Self = Self([1, 0, 0, 0]);

    /// The number that these bytes are, highest first; less the order if it is above.
    pub(super) fn of(bytes: &[u8; 32]) -> Self {
        let mut parts = [0; 4];
        for (part, bytes) in parts.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
            *part = u64::from_be_bytes(*bytes);
        }
        Self(reduced(parts, false))
    }

    /// Its bytes, highest first.
    pub(super) fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (part, bytes) in self.0.iter().rev().zip(bytes.as_chunks_mut::<8>().0) {
            *bytes = part.to_be_bytes();
        }
        bytes
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let (sum, carry) = add(self.0, other.0);
        Self(reduced(sum, carry))
    }

    pub(super) fn times(self, other: Self) -> Self {
        let mut product = Self([0; 4]);
        for part in other.0.iter().rev() {
            for bit in (0..64).rev() {
                product = product.plus(product);
                if part >> bit & 1 == 1 {
                    product = product.plus(self);
                }
            }
        }
        product
    }

    /// What gives one when multiplied with this, which is not zero: by halving and subtracting, as
    /// in the greatest common divisor with the order.
    pub(super) fn inverse(self) -> Self {
        let (mut left, mut right) = (self.0, ORDER);
        let (mut of_left, mut of_right) = (Self::ONE, Self([0; 4]));
        while left != Self::ONE.0 && right != Self::ONE.0 {
            while left[0] & 1 == 0 {
                (left, of_left) = (halved(left, false), of_left.half());
            }
            while right[0] & 1 == 0 {
                (right, of_right) = (halved(right, false), of_right.half());
            }
            let (less, is_below) = subtract(left, right);
            if is_below {
                (right, of_right) = (subtract(right, left).0, of_right.minus(of_left));
            } else {
                (left, of_left) = (less, of_left.minus(of_right));
            }
        }
        if left == Self::ONE.0 {
            of_left
        } else {
            of_right
        }
    }

    fn minus(self, other: Self) -> Self {
        let (less, is_below) = subtract(self.0, other.0);
        Self(if is_below { add(less, ORDER).0 } else { less })
    }

    /// What gives this when doubled.
    fn half(self) -> Self {
        if self.0[0] & 1 == 0 {
            return Self(halved(self.0, false));
        }
        let (even, carry) = add(self.0, ORDER);
        Self(halved(even, carry))
    }
}

fn reduced(parts: [u64; 4], carry: bool) -> [u64; 4] {
    let (less, is_below) = subtract(parts, ORDER);
    if is_below && !carry { parts } else { less }
}

fn add(left: [u64; 4], right: [u64; 4]) -> ([u64; 4], bool) {
    let (mut sum, mut carry) = ([0; 4], false);
    for at in 0..4 {
        let (part, over) = left[at].overflowing_add(right[at]);
        let (part, over_again) = part.overflowing_add(u64::from(carry));
        (sum[at], carry) = (part, over || over_again);
    }
    (sum, carry)
}

fn subtract(left: [u64; 4], right: [u64; 4]) -> ([u64; 4], bool) {
    let (mut rest, mut borrow) = ([0; 4], false);
    for at in 0..4 {
        let (part, under) = left[at].overflowing_sub(right[at]);
        let (part, under_again) = part.overflowing_sub(u64::from(borrow));
        (rest[at], borrow) = (part, under || under_again);
    }
    (rest, borrow)
}

fn halved(parts: [u64; 4], carry: bool) -> [u64; 4] {
    let mut half = [0; 4];
    let mut from_above = u64::from(carry);
    for at in (0..4).rev() {
        half[at] = parts[at] >> 1 | from_above << 63;
        from_above = parts[at] & 1;
    }
    half
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar() -> impl Strategy<Value = Scalar> {
        let edge = prop::sample::select(vec![[0_u8; 32], [0xff; 32], Scalar(ORDER).bytes()]);
        prop_oneof![4 => any::<[u8; 32]>(), 1 => edge].prop_map(|bytes| Scalar::of(&bytes))
    }

    proptest! {
        #[test]
        fn sums_and_products_obey_the_laws(a in scalar(), b in scalar(), c in scalar()) {
            prop_assert_eq!(a.plus(b).minus(b), a);
            prop_assert_eq!(a.times(b), b.times(a));
            prop_assert_eq!(a.times(b.plus(c)), a.times(b).plus(a.times(c)));
            prop_assert_eq!(a.half().plus(a.half()), a);
            prop_assert_eq!(Scalar::of(&a.bytes()), a);
        }

        #[test]
        fn a_number_times_its_inverse_is_one(a in scalar()) {
            prop_assume!(!a.is_zero());
            prop_assert_eq!(a.times(a.inverse()), Scalar::ONE);
        }
    }
}
