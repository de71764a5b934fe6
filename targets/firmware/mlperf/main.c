/* Without a vendor's main(): this one takes the place of start_arm.c's. */
#include "edge_mlperf.h"

int main(void);

int main(void)
{
    edge_mlperf_main();
    return 0;
}
