// What the hypervisor offers: xen_features[], one byte for each feature of each submap.

import { FEATURES, XENFEAT_NR_SUBMAPS, XENVER } from "../abi/numbers.ts";
import { FeatureInfo } from "../abi/structs.ts";
import { array, fn, for_, global, if_, local, localOf, ret, table, u32, u8 } from "../asm/mod.ts";
import type { Given, Value } from "../asm/mod.ts";
import { xen_version } from "./hypercalls.ts";
import { print, text } from "./print.ts";

const COUNT = XENFEAT_NR_SUBMAPS * 32;
const xen_features = global("xen_features", array(u8, COUNT));

/** Asks for every submap and spreads its bits out; a submap that is not there stays all zero. */
export const xen_setup_features = fn("xen_setup_features", () => {
  const info = localOf(FeatureInfo);
  for_(0, XENFEAT_NR_SUBMAPS, (i) => {
    info.submap_idx.set(i);
    if_(xen_version(XENVER.get_features, info.address).isNegative(), () => ret());
    for_(0, 32, (bit) => {
      xen_features.at(i.times(32).plus(bit)).set(info.submap.shr(bit).and(1));
    });
  });
});

/** Whether the hypervisor has a feature. */
export const xen_feature = (flag: Given): Value => xen_features.at(flag);

const names = table("feature_names", () => [...FEATURES]);

/** Prints the names of the features that are on. */
export const show_features = fn("show_features", () => {
  print`features:`;
  const some = local(0);
  for_(0, COUNT, (i) => {
    if_(xen_feature(i).ne(0), () => {
      some.inc();
      if_(
        i.lt(FEATURES.length),
        () => print` ${text(u32.at(i.times(4).plus(names)))}`,
        () => print` (unnamed)`,
      );
    });
  });
  if_(some.eq(0), () => print` none`);
  print`\n`;
});
