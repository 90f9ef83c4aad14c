// What only some pages draw.
import { SankeyChart, TreemapChart } from 'echarts/charts';
import { BrushComponent } from 'echarts/components';
import { use } from 'echarts/core';

use([TreemapChart, SankeyChart, BrushComponent]);
